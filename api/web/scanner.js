// The camera as a reader of QR codes: by the browser's own decoder where there is one, else by jsQR, which is loaded when it
// is needed.

const side = 640; // of the picture that jsQR reads; more is slower and finds no more
const pause = 120;

// decoder returns a function that finds the text of a QR code in a video's picture, or "".
async function decoder() {
  if ("BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (video) => (await detector.detect(video))[0]?.rawValue ?? "";
  }
  if (!window.jsQR) await import("/web/jsqr/jsQR.js");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, side / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (!canvas.width || !canvas.height) return "";
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
    return window.jsQR(data, width, height, { inversionAttempts: "dontInvert" })?.data ?? "";
  };
}

// scan shows the camera in a video and calls onCode with each text that it sees, again and again while it sees it. The
// function that it returns stops the camera. It fails where there is no camera, or where it may not be used.
export async function scan(video, onCode) {
  const [stream, decode] = await Promise.all([
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false }), decoder(),
  ]);
  video.srcObject = stream;
  await video.play();
  let running = true;
  (async () => {
    while (running) {
      const code = await decode(video).catch(() => ""); // a picture that is not there yet
      if (running && code) onCode(code);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  })();
  return () => {
    running = false;
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
}
