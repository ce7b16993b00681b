// The citizen's phone behind the interface of src/lib/phone/guest.ts, as page tests want it: served in place of the JsSIP
// one, told what happens by `window.fakeGuest`, remembering what it was asked.
const did = []
let tell = () => {}

window.fakeGuest = {
  did,
  microphone: null,
  answer: () => tell({ type: 'answered' }),
  end: () => tell({ type: 'ended' }),
  fail: (why) => tell({ type: 'failed', why }),
}

export const makeGuestPhone = (listener) => {
  tell = listener
  return {
    call(pass, microphone) {
      did.push(`call ${pass.number} as ${pass.user}`)
      window.fakeGuest.microphone = microphone
    },
    mute(on) { did.push(`mute ${on}`) },
    press(digit) { did.push(`press ${digit}`) },
    setVolume(volume) { did.push(`volume ${volume}`) },
    stop() { did.push('stop') },
  }
}
