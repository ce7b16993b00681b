// Runs in the page before its own scripts: hears what a call plays, and can cut the SIP socket. Changes nothing of what the
// page sees.
{
  const HEARD_RATE = 8000
  /** ScriptProcessor's block, 128 ms at 8 kHz. */
  const BLOCK = 1024
  /** Int16Arrays of what was heard since the last `listenAnew`. */
  let heard = []
  const sockets = new Set()

  let ear
  /** One ear for all calls: what sounds together is heard together. */
  const open = () => {
    const context = new AudioContext({ sampleRate: HEARD_RATE })
    const made = context.createScriptProcessor(BLOCK, 1, 1)
    made.onaudioprocess = ({ inputBuffer }) => {
      heard.push(Int16Array.from(inputBuffer.getChannelData(0), (x) => Math.max(-32768, Math.min(32767, Math.round(x * 32767)))))
    }
    made.connect(context.destination)
    return made
  }
  /** Chromium hands remote audio to Web Audio only while an element plays it; the page has one. */
  const listen = (track) => {
    ear ??= open()
    ear.context.createMediaStreamSource(new MediaStream([track])).connect(ear)
  }

  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given)
      this.addEventListener('track', ({ track }) => listen(track))
    }
  }
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given)
      if (new URL(this.url).pathname === '/sip') sockets.add(this)
    }
  }
  window.ears = {
    listenAnew: () => { heard = [] },
    heard: () => heard.flatMap((block) => Array.from(block)),
    cutSocket: () => {
      for (const socket of sockets) socket.close()
      sockets.clear()
    },
  }
}
