// The emoji that have a name here; any other name stays as it is written.

const NAMES = {
  "+1": "👍", "-1": "👎", 100: "💯", alarm_clock: "⏰", arrow_down: "⬇️", arrow_right: "➡️", arrow_up: "⬆️",
  arrows_counterclockwise: "🔄", art: "🎨", ballot_box_with_check: "☑️", bangbang: "‼️", bell: "🔔", bulb: "💡",
  calendar: "📅", camera: "📷", chart_with_upwards_trend: "📈", checkered_flag: "🏁", clapper: "🎬", clap: "👏",
  clock3: "🕒", cry: "😢", dancer: "💃", eyes: "👀", exclamation: "❗", fast_forward: "⏩", film_frames: "🎞️",
  film_projector: "📽️", fire: "🔥", floppy_disk: "💾", frame_with_picture: "🖼️", gear: "⚙️", green_heart: "💚",
  heart: "❤️", heavy_check_mark: "✔️", hourglass: "⌛", hourglass_flowing_sand: "⏳", inbox_tray: "📥",
  information_source: "ℹ️", joy: "😂", large_blue_circle: "🔵", large_green_circle: "🟢", lock: "🔒", mag: "🔍",
  mailbox: "📫", man_dancing: "🕺", moneybag: "💰", movie_camera: "🎥", no_entry: "⛔", ok_hand: "👌",
  paperclip: "📎", partying_face: "🥳", pause_button: "⏸️", performing_arts: "🎭", play_or_pause_button: "⏯️",
  point_right: "👉", poop: "💩", pray: "🙏", question: "❓", raised_hands: "🙌", red_circle: "🔴", repeat: "🔁",
  robot_face: "🤖", rocket: "🚀", scissors: "✂️", slightly_smiling_face: "🙂", smile: "😄", sparkles: "✨",
  star: "⭐", stopwatch: "⏱️", sunglasses: "😎", tada: "🎉", thinking_face: "🤔", thumbsdown: "👎", thumbsup: "👍",
  video_camera: "📹", warning: "⚠️", wastebasket: "🗑️", wave: "👋", white_check_mark: "✅", x: "❌", zap: "⚡",
};

export function emoji(name) {
  return NAMES[name] ?? null;
}

/** Text with every known :name: drawn. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => emoji(name) ?? whole);
}
