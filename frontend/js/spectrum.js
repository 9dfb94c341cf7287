/** Draws the spectrum and the level meters. Stops when it is inactive and all bars have fallen, and while the tab is hidden. */

const [LOWEST_HZ, HIGHEST_HZ] = [30, 18_000];
const [FLOOR_DB, CEILING_DB] = [-78, -18];
/** Music falls by about 3 dB per octave. The tilt corrects this, so that high bars are visible. */
const [TILT_DB_PER_OCTAVE, TILT_FROM_HZ] = [3, 1000];
const LABELS = [[50, "50"], [100, "100"], [200, "200"], [500, "500"], [1000, "1k"], [2000, "2k"], [5000, "5k"], [10_000, "10k"]];
const [BAR_PITCH, BAR_WIDTH, LABEL_HEIGHT, METER_WIDTH, METERS_WIDTH] = [7, 5, 20, 6, 34];
const [FALL_PER_S, HOLD_FALL_PER_S] = [1.6, 0.35];
const REDUCED_FRAME_MS = 250;

const octaves = Math.log2(HIGHEST_HZ / LOWEST_HZ);
const frequencyAt = (fraction) => LOWEST_HZ * 2 ** (fraction * octaves);
const fractionOf = (hz) => Math.log2(hz / LOWEST_HZ) / octaves;
const unit = (db, floor, ceiling) => Math.min(Math.max((db - floor) / (ceiling - floor), 0), 1);

/** Return the loudest bin between two frequencies. Interpolate if the band is narrower than a bin. */
export function bandDb(bins, hzPerBin, low, high) {
  const [first, last] = [Math.ceil(low / hzPerBin), Math.floor(high / hzPerBin)];
  if (first > last) {
    const at = (low + high) / 2 / hzPerBin;
    const i = Math.floor(at);
    return bins[i] + (bins[i + 1] - bins[i]) * (at - i);
  }
  let loudest = -Infinity;
  for (let i = first; i <= last && i < bins.length; i++) loudest = Math.max(loudest, bins[i]);
  return loudest;
}

export class Spectrum {
  #canvas;
  #context;
  #output;
  #frame = 0;
  #active = false;
  #drawnAt = 0;
  #bins = new Float32Array(0);
  #bars = [];
  #holds = [];
  #meters = [0, 0];
  #reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(canvas, output) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#output = output;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    document.addEventListener("visibilitychange", () => this.#run());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
  }

  /** Start or stop drawing. @param {boolean} active */
  set active(active) {
    if (active === this.#active) return;
    this.#active = active;
    this.#run();
  }

  /** Draw the current values again with the current colours. */
  repaint() {
    const style = getComputedStyle(this.#canvas);
    const color = (name) => style.getPropertyValue(name).trim();
    this.colors = { accent: style.accentColor, rule: color("--rule"), muted: color("--muted"), font: `11px ${style.fontFamily}` };
    this.#draw();
  }

  #run() {
    cancelAnimationFrame(this.#frame);
    this.#drawnAt = performance.now();
    if (!document.hidden) this.#frame = requestAnimationFrame((now) => this.#step(now));
  }

  #step(now) {
    const elapsed = now - this.#drawnAt;
    if (!this.#reducedMotion.matches || elapsed >= REDUCED_FRAME_MS || elapsed <= 0) {
      const moving = this.#measure(Math.max(elapsed, 0) / 1000);
      this.#draw();
      this.#drawnAt = now;
      if (!this.#active && !moving) return;
    }
    this.#frame = requestAnimationFrame((next) => this.#step(next));
  }

  #measure(seconds) {
    const analyser = this.#active ? this.#output.analyser : null;
    if (analyser) {
      if (this.#bins.length !== analyser.frequencyBinCount) this.#bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(this.#bins);
    }
    const hzPerBin = analyser ? analyser.context.sampleRate / analyser.fftSize : 0;
    const count = this.#bars.length;
    for (let i = 0; i < count; i++) {
      const [low, high] = [frequencyAt(i / count), frequencyAt((i + 1) / count)];
      const tilt = TILT_DB_PER_OCTAVE * Math.log2(low / TILT_FROM_HZ);
      const value = analyser ? unit(bandDb(this.#bins, hzPerBin, low, high) + tilt, FLOOR_DB, CEILING_DB) || 0 : 0;
      this.#bars[i] = Math.max(value, this.#bars[i] - FALL_PER_S * seconds);
      this.#holds[i] = Math.max(this.#bars[i], this.#holds[i] - HOLD_FALL_PER_S * seconds);
    }
    const { left, right } = this.#output.levels();
    this.#meters = [left, right].map((rms, i) => Math.max(unit(20 * Math.log10(rms), -60, 0), this.#meters[i] - seconds));
    return Math.max(0, ...this.#holds, ...this.#meters) > 0;
  }

  #resize() {
    const { clientWidth, clientHeight } = this.#canvas;
    const scale = devicePixelRatio || 1;
    Object.assign(this.#canvas, { width: clientWidth * scale, height: clientHeight * scale });
    this.#context.setTransform(scale, 0, 0, scale, 0, 0);
    const count = Math.max(1, Math.floor((clientWidth - METERS_WIDTH) / BAR_PITCH));
    this.#bars = new Array(count).fill(0);
    this.#holds = new Array(count).fill(0);
    this.repaint();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const context = this.#context;
    const base = height - LABEL_HEIGHT;
    const span = this.#bars.length * BAR_PITCH;
    context.clearRect(0, 0, width, height);
    context.font = this.colors.font;
    context.fillStyle = this.colors.rule;
    context.fillRect(0, base, span - (BAR_PITCH - BAR_WIDTH), 1);
    this.#bars.forEach((value, i) => {
      const tall = Math.round(value * (base - 2));
      context.fillStyle = this.colors.accent;
      context.fillRect(i * BAR_PITCH, base - tall, BAR_WIDTH, tall);
      const hold = Math.round(this.#holds[i] * (base - 2));
      context.fillStyle = this.colors.muted;
      if (hold > tall + 2) context.fillRect(i * BAR_PITCH, base - hold, BAR_WIDTH, 1);
    });
    this.#labels(context, span, base);
    this.#levels(context, width, base);
  }

  #labels(context, span, base) {
    context.fillStyle = this.colors.muted;
    context.textAlign = "center";
    for (const [hz, text] of LABELS) context.fillText(text, fractionOf(hz) * span, base + 15);
  }

  #levels(context, width, base) {
    ["L", "R"].forEach((name, i) => {
      const x = width - METER_WIDTH - (1 - i) * (METER_WIDTH + 5);
      const tall = Math.round(this.#meters[i] * base);
      context.fillStyle = this.colors.rule;
      context.fillRect(x, 0, METER_WIDTH, base);
      context.fillStyle = this.colors.accent;
      context.fillRect(x, base - tall, METER_WIDTH, tall);
      context.fillStyle = this.colors.muted;
      context.fillText(name, x + METER_WIDTH / 2, base + 15);
    });
  }
}
