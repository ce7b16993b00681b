// Chromium's end of a call, without any signalling of its own: one command a line on standard input, one line of JSON
// back. Speaks from a file, keeps what it hears. The tests carry the session descriptions (`tests/e2e/browser.rs`).
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

import { AUTOPLAY, launch } from '../chromium.mjs'

const [speech] = process.argv.slice(2)
// A page of its own origin on loopback: a secure context, where a microphone is allowed.
const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'))
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const browser = await launch(`${speech}%noloop`, AUTOPLAY)
const page = await browser.newPage()
await page.goto(`http://127.0.0.1:${server.address().port}/`)

const commands = {
  // The page's offer, once it knows its addresses.
  offer: () => page.evaluate(async () => {
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }
    const microphone = await navigator.mediaDevices.getUserMedia({ audio })
    const peer = new RTCPeerConnection()
    const context = new AudioContext({ sampleRate: 8000 })
    const heard = []
    peer.ontrack = ({ track }) => {
      const stream = new MediaStream([track])
      // Chromium decodes a remote stream only while an element plays it.
      const element = new Audio()
      element.srcObject = stream
      element.muted = true
      element.play()
      const ear = context.createScriptProcessor(1024, 1, 1)
      ear.onaudioprocess = ({ inputBuffer }) => heard.push(inputBuffer.getChannelData(0).slice())
      context.createMediaStreamSource(stream).connect(ear).connect(context.destination)
    }
    globalThis.call = { peer, heard, sender: peer.addTrack(microphone.getAudioTracks()[0], microphone) }
    await peer.setLocalDescription()
    if (peer.iceGatheringState !== 'complete') {
      await new Promise((complete) => {
        peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && complete()
      })
    }
    return peer.localDescription.sdp
  }),
  answer: (sdp) => page.evaluate(async (text) => {
    await globalThis.call.peer.setRemoteDescription({ type: 'answer', sdp: text })
    return 'taken'
  }, sdp),
  press: (keys) => page.evaluate((tones) => {
    globalThis.call.sender.dtmf.insertDTMF(tones, 120, 80)
    return 'pressed'
  }, keys),
  // How far the connection is, and what protects it.
  state: () => page.evaluate(async () => {
    const { peer } = globalThis.call
    const reports = [...(await peer.getStats()).values()]
    const { dtlsCipher, srtpCipher, dtlsRole } = reports.find((report) => report.type === 'transport') ?? {}
    return { state: peer.connectionState, dtlsCipher, srtpCipher, dtlsRole }
  }),
  // Samples at 8 kHz so far.
  heard: () => page.evaluate(() => globalThis.call.heard.flatMap((block) => [...block].map((x) => Math.round(x * 32767)))),
}

console.log(JSON.stringify('ready'))
for await (const line of createInterface({ input: process.stdin })) {
  const [name, argument] = JSON.parse(line)
  try {
    console.log(JSON.stringify(await commands[name](argument)))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }))
  }
}
await browser.close()
server.close()
