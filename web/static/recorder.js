// The microphone: one press starts a recording, the next ends it and yields the sound.
export class Recorder {
  #recorder = null;

  get recording() {
    return this.#recorder !== null;
  }

  async toggle() {
    return this.#recorder ? this.#stop() : this.#start();
  }

  async #start() {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    this.#recorder = new MediaRecorder(stream);
    this.#recorder.start();
    return null;
  }

  #stop() {
    const recorder = this.#recorder;
    this.#recorder = null;
    return new Promise((resolve) => {
      recorder.addEventListener("dataavailable", (event) => {
        recorder.stream.getTracks().forEach((track) => track.stop());
        resolve(new Blob([event.data], { type: recorder.mimeType }));
      }, { once: true });
      recorder.stop();
    });
  }
}
