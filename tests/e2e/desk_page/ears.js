// Runs in the page before its own scripts: hears what a call plays, and can cut the SIP socket. Changes nothing of what the
// page sees.
{
  const HEARD_RATE = 8000
  /** ScriptProcessor's block, 128 ms at 8 kHz. */
  const BLOCK = 1024
  /** Int16Arrays of what was heard since the last `listenAnew`. */
  let heard = []
  const sockets = new Set()

  /** Chromium hands remote audio to Web Audio only while an element plays it; the page has one. */
  const listen = (track) => {
    const context = new AudioContext({ sampleRate: HEARD_RATE })
    const ear = context.createScriptProcessor(BLOCK, 1, 1)
    ear.onaudioprocess = ({ inputBuffer }) => {
      heard.push(Int16Array.from(inputBuffer.getChannelData(0), (x) => Math.max(-32768, Math.min(32767, Math.round(x * 32767)))))
    }
    context.createMediaStreamSource(new MediaStream([track])).connect(ear)
    ear.connect(context.destination)
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
