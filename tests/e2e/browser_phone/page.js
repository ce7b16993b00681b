// The part of the browser phone that runs in the page: `window.phone`, commanded by `phone.mjs`.
import JsSIP from 'jssip'

const HEARD_RATE = 8000
/** ScriptProcessor's block, 128 ms at 8 kHz. */
const BLOCK = 1024

let ua
let session
/** Int16Arrays of what was heard since the last `listenAnew`. */
let heard = []

/** Keeps what the remote stream plays. Chromium hands remote audio to Web Audio only while an element plays it. */
function listen(stream) {
  const element = new Audio()
  element.srcObject = stream
  element.muted = true
  element.play()
  const context = new AudioContext({ sampleRate: HEARD_RATE })
  const ear = context.createScriptProcessor(BLOCK, 1, 1)
  ear.onaudioprocess = ({ inputBuffer }) => {
    heard.push(Int16Array.from(inputBuffer.getChannelData(0), (x) => Math.max(-32768, Math.min(32767, Math.round(x * 32767)))))
  }
  context.createMediaStreamSource(stream).connect(ear)
  ear.connect(context.destination)
}

/** Answers with the wanted codecs only. */
function prefer(connection, codecs) {
  if (!codecs?.length) return
  const all = RTCRtpReceiver.getCapabilities('audio').codecs
  const name = (codec) => codec.mimeType.split('/')[1].toLowerCase()
  const wanted = codecs.flatMap((wish) => all.filter((codec) => name(codec) === wish.toLowerCase()))
  const events = all.filter((codec) => name(codec) === 'telephone-event')
  connection.addEventListener('signalingstatechange', () => {
    for (const transceiver of connection.getTransceivers()) transceiver.setCodecPreferences([...wanted, ...events])
  }, { once: true })
}

function attend(started, codecs) {
  session = started
  session.on('peerconnection', ({ peerconnection }) => {
    prefer(peerconnection, codecs)
    peerconnection.addEventListener('track', ({ track }) => listen(new MediaStream([track])))
    peerconnection.addEventListener('connectionstatechange', () =>
      window.say({ event: 'connection', state: peerconnection.connectionState }))
  })
  // All our candidates are of this machine; there is nothing to wait for after the first.
  session.on('icecandidate', ({ ready }) => ready())
  session.on('confirmed', () => window.say({ event: 'confirmed' }))
  session.on('ended', ({ cause }) => window.say({ event: 'ended', cause }))
  session.on('failed', ({ cause }) => window.say({ event: 'ended', cause }))
}

window.phone = {
  start({ socket, uri, password, codecs }) {
    ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(socket)], uri, password, register: true })
    ua.on('registered', () => window.say({ event: 'registered' }))
    ua.on('registrationFailed', ({ cause }) => window.say({ event: 'registration_failed', cause }))
    ua.on('disconnected', () => window.say({ event: 'disconnected' }))
    ua.on('newRTCSession', ({ session: started, originator, request }) => {
      attend(started, codecs)
      if (originator === 'remote') window.say({ event: 'rings', from: request.from.uri.user })
    })
    ua.start()
  },
  answer: () => session.answer({ mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } }),
  hold: () => session.hold(),
  unhold: () => session.unhold(),
  hangUp: () => session.terminate(),
  listenAnew: () => { heard = [] },
  heard: () => heard.flatMap((block) => Array.from(block)),
  /** What was negotiated and how it goes, from getStats(). */
  async statistics() {
    const report = [...(await session.connection.getStats()).values()]
    const codec = (id) => report.find((item) => item.id === id)?.mimeType
    const inbound = report.find((item) => item.type === 'inbound-rtp')
    const outbound = report.find((item) => item.type === 'outbound-rtp')
    return {
      heard_with: codec(inbound?.codecId), said_with: codec(outbound?.codecId),
      packets_received: inbound?.packetsReceived ?? 0, packets_lost: inbound?.packetsLost ?? 0,
      packets_sent: outbound?.packetsSent ?? 0,
    }
  },
  disconnect: () => ua.transport.disconnect(),
}
