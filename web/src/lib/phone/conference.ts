// Three people hear one another: the page mixes. The server knows two calls; to each goes the operator's microphone and
// what is said in the other one, so that the recording of either has all three.

export class Conference {
  #context = new AudioContext({ latencyHint: 'interactive' })
  #microphone = this.#context.createGain()
  #source: MediaStreamAudioSourceNode | null = null
  /** Kept, or a browser may collect them while they sound. */
  #sources: MediaStreamAudioSourceNode[] = []

  constructor() {
    // Some browsers let no sound through before a key or click asks for it; one just has.
    void this.#context.resume()
  }

  /** Another microphone; whoever opened it closes it. */
  use(microphone: MediaStream) {
    this.#source?.disconnect()
    this.#source = this.#context.createMediaStreamSource(microphone)
    this.#source.connect(this.#microphone)
  }

  mute(on: boolean) {
    this.#microphone.gain.value = on ? 0 : 1
  }

  /** For one end: the microphone, and what the other end says. */
  mix(other: MediaStreamTrack): MediaStreamTrack {
    const mix = this.#context.createMediaStreamDestination()
    mix.channelCount = 1
    this.#microphone.connect(mix)
    const source = this.#context.createMediaStreamSource(new MediaStream([other]))
    source.connect(mix)
    this.#sources.push(source)
    return mix.stream.getAudioTracks()[0]!
  }

  close() {
    void this.#context.close()
  }
}
