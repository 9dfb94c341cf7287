/** What is really heard: an audio element plays the stream, and analysers listen beside it. */

const SPECTRUM_SIZE = 4096;
const LEVEL_SIZE = 2048;

export class Ear {
  #audio = new Audio();
  #context = null;
  #source = null;
  #buffer = new Float32Array(LEVEL_SIZE);
  #left = null;
  #right = null;
  spectrum = /** @type {AnalyserNode | null} */ (null);

  /** To be called in a click: browsers let sound begin only there. */
  wake() {
    this.#context ??= this.#build();
    return this.#context.resume();
  }

  /** Plays the stream; rejects when the browser wants another gesture. */
  async attach(stream) {
    this.detach();
    // Chromium gives Web Audio a remote track's samples only while a media element plays it too.
    this.#audio.srcObject = stream;
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.spectrum);
    this.#source.connect(this.splitter);
    await this.#audio.play();
  }

  detach() {
    this.#source?.disconnect();
    this.#source = null;
    this.#audio.srcObject = null;
  }

  rest() {
    this.detach();
    this.#context?.suspend();
  }

  set volume(value) {
    this.#audio.volume = value;
  }

  set muted(value) {
    this.#audio.muted = value;
  }

  /** RMS of what arrives, before the volume slider: 1 is full scale. */
  levels() {
    return { left: this.#rms(this.#left), right: this.#rms(this.#right) };
  }

  #rms(analyser) {
    if (!analyser || !this.#source) return 0;
    analyser.getFloatTimeDomainData(this.#buffer);
    return Math.sqrt(this.#buffer.reduce((sum, x) => sum + x * x, 0) / LEVEL_SIZE);
  }

  #build() {
    const context = new AudioContext({ latencyHint: "interactive" });
    const analyser = (fftSize) => new AnalyserNode(context, { fftSize, smoothingTimeConstant: 0 });
    this.spectrum = analyser(SPECTRUM_SIZE);
    this.#left = analyser(LEVEL_SIZE);
    this.#right = analyser(LEVEL_SIZE);
    this.splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    this.splitter.connect(this.#left, 0);
    this.splitter.connect(this.#right, 1);
    return context;
  }
}
