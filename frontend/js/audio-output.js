/** Plays the stream in an audio element and measures it with analysers. */

const SPECTRUM_SIZE = 4096;
const LEVEL_SIZE = 2048;

export class AudioOutput {
  #audio = new Audio();
  #context = null;
  #source = null;
  #buffer = new Float32Array(LEVEL_SIZE);
  #left = null;
  #right = null;
  /** The analyser of the spectrum; null until the first `resume`. */
  analyser = /** @type {AnalyserNode | null} */ (null);

  /** Start audio. Call this in a click: browsers refuse to start sound elsewhere. */
  resume() {
    this.#context ??= this.#build();
    return this.#context.resume();
  }

  /** Play a stream. Rejects if the browser requires another click. */
  async attach(stream) {
    this.detach();
    // Chromium gives Web Audio a remote track's samples only while a media element plays it too.
    this.#audio.srcObject = stream;
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.analyser);
    this.#source.connect(this.splitter);
    await this.#audio.play();
  }

  /** Stop playing the stream. */
  detach() {
    this.#source?.disconnect();
    this.#source = null;
    this.#audio.srcObject = null;
  }

  /** Stop playing and suspend the audio device. */
  suspend() {
    this.detach();
    this.#context?.suspend();
  }

  set volume(value) {
    this.#audio.volume = value;
  }

  set muted(value) {
    this.#audio.muted = value;
  }

  /** Return the RMS of the received audio, before the volume slider. Full scale is 1. */
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
    this.analyser = analyser(SPECTRUM_SIZE);
    this.#left = analyser(LEVEL_SIZE);
    this.#right = analyser(LEVEL_SIZE);
    this.splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    this.splitter.connect(this.#left, 0);
    this.splitter.connect(this.#right, 1);
    return context;
  }
}
