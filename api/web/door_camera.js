// The button that shows the camera at a door, and hides it.

import { text } from "./i18n.js";
import { scan } from "./scanner.js";

// cameraPart has the button show the camera in the video. onCode is called with what it reads, pressed when the
// button is, and failed when there is no camera.
export function cameraPart(button, video, { onCode, pressed, failed }) {
  let stop = null;

  function show() {
    video.hidden = stop === null;
    button.textContent = text(stop ? "door.stop" : "door.scan");
  }

  function close() {
    stop?.();
    stop = null;
    show();
  }

  async function open() {
    try {
      stop = await scan(video, onCode);
      await navigator.wakeLock?.request("screen").catch(() => {}); // else the screen goes dark between guests
    } catch {
      failed();
    }
    show();
  }

  button.addEventListener("click", () => {
    pressed();
    if (stop) close();
    else open();
  });
  return { show, close };
}
