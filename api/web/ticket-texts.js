// The texts of the pages of tickets, one object per language.

const texts = {
  en: {
    tickets: "Tickets", print: "Print", shop: "To the shop", number: (n, of) => `Ticket ${n} of ${of}`,
    valid: "Valid", used: (when) => `Used ${when}`, void: "Void",
    voidNote: "The order was cancelled. These tickets let nobody in.",
    show: "Show this code at the entrance. It lets one person in, once: do not pass it on.",
    code: "QR code of the ticket", noOrder: "The address of this page names no order.",
    signIn: "Sign in at the shop first, then come back.", notPaid: "The order is not paid, so it has no tickets.",
    notFound: "There is no such order of yours.", away: "The box office does not answer. Trying again.",
    checkIn: "Check-in", yourName: "Your name", token: "Staff token", begin: "Begin", leave: "Leave",
    screening: "Screening", anyScreening: "Any screening of these hours",
    chooseScreening: "Choose a screening", chooseFirst: "Choose the screening of this door first.", gate: "Gate", camera: "Scan", stopCamera: "Stop the camera",
    typed: "Type or paste a code", check: "Check", inside: (n, of) => `${n} of ${of} are in`,
    admitted: "Come in", seat: (n, of) => `Ticket ${n} of ${of}`,
    ticket_used: "Used already", ticket_void: "Void: the order was cancelled", ticket_invalid: "Not a valid ticket",
    wrong_screening: "For another screening", usedAt: (when, gate) => (gate ? `${when}, gate ${gate}` : when),
    unauthorized: "Sign in again: the token is not valid, or not any more.", forbidden: "This needs the role staff.",
    no_answer: "No answer. The ticket was not checked: try again.", trying: "No answer yet, trying again",
    noCamera: "The camera cannot be used. Type the code.", next: "Tap to go on",
    provider: "Sign in with your account", stillSignedIn: "No answer: this browser is still signed in.",
    needsJavaScript: "This page needs JavaScript.",
  },
  zh: {
    tickets: "电子票", print: "打印", shop: "返回购票", number: (n, of) => `第 ${n} 张，共 ${of} 张`,
    valid: "有效", used: (when) => `已于 ${when} 使用`, void: "已作废",
    voidNote: "订单已取消，这些票不能入场。",
    show: "入场时出示此码。一码一人，仅可使用一次，请勿转发。",
    code: "电子票二维码", noOrder: "网址中没有订单号。",
    signIn: "请先在购票页登录，再回到此页。", notPaid: "订单尚未支付，没有电子票。",
    notFound: "找不到您的这个订单。", away: "票务系统没有响应，正在重试。",
    checkIn: "检票", yourName: "您的姓名", token: "员工令牌", begin: "开始", leave: "退出",
    screening: "场次", anyScreening: "近几小时的所有场次",
    chooseScreening: "请选择场次", chooseFirst: "请先选择本入口的场次。", gate: "入口", camera: "扫码", stopCamera: "关闭摄像头",
    typed: "输入或粘贴票码", check: "验票", inside: (n, of) => `已入场 ${n} / ${of}`,
    admitted: "请入场", seat: (n, of) => `第 ${n} 张，共 ${of} 张`,
    ticket_used: "此票已使用", ticket_void: "此票已作废：订单已取消", ticket_invalid: "无效票",
    wrong_screening: "不是本场次的票", usedAt: (when, gate) => (gate ? `${when}，入口 ${gate}` : when),
    unauthorized: "令牌无效或已过期，请重新登录。", forbidden: "需要检票员权限。",
    no_answer: "没有响应，此票未核验，请重试。", trying: "没有响应，正在重试",
    noCamera: "无法使用摄像头，请输入票码。", next: "点按继续",
    provider: "用账号登录", stillSignedIn: "没有响应：此浏览器仍处于登录状态。",
    needsJavaScript: "此页需要 JavaScript。",
  },
};

// language is the one that the buyer has chosen, or else the browser's.
export const language = (localStorage.getItem("language") || navigator.language || "en").startsWith("zh") ? "zh" : "en";
export const t = texts[language];

// translate fills in the elements of a page that name their text.
export function translate(root = document) {
  root.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const e of root.querySelectorAll("[data-text]")) e.textContent = t[e.dataset.text];
  for (const e of root.querySelectorAll("[data-placeholder]")) e.placeholder = t[e.dataset.placeholder];
}

const locale = language === "zh" ? "zh-CN" : undefined;
const day = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const dayOf = (text) => day.format(new Date(text));
export const timeOf = (text) => time.format(new Date(text));
