// The phone behind the interface of src/lib/phone/phone.ts, as page tests want it: served in place of the JsSIP one, told
// what happens by `window.fakePhone`, remembering what it was asked.
let state = { line: 'idle', call: null, trouble: null }
const did = []
let tell = () => {}
const change = (changes) => tell(state = { ...state, ...changes })
const call = (changes) => change({ call: { ...state.call, ...changes } })

window.fakePhone = {
  did,
  ring: (from) => change({ call: { phase: 'ringing', from } }),
  line: (line) => change({ line }),
  trouble: (trouble) => change({ trouble }),
  end: () => change({ call: null }),
  received: 0,
  lost: 0,
}

export const makePhone = (listener) => {
  tell = listener
  return {
    get state() { return state },
    start(account) { did.push(`start ${account.extension}`); change({ line: 'registered' }) },
    use(devices) { did.push(`use ${JSON.stringify(devices)}`) },
    answer() { did.push('answer'); change({ call: { phase: 'talking', from: state.call.from, muted: false } }) },
    decline() { did.push('decline'); change({ call: null }) },
    hangUp() { did.push('hangUp'); change({ call: null }) },
    hold() { did.push('hold'); call({ phase: 'held' }) },
    resume() { did.push('resume'); call({ phase: 'talking' }) },
    mute(on) { did.push(`mute ${on}`); call({ muted: on }) },
    press(digit) { did.push(`press ${digit}`) },
    async statistics() {
      window.fakePhone.received += 100
      window.fakePhone.lost += 4
      return { packetsReceived: window.fakePhone.received, packetsLost: window.fakePhone.lost, roundTripMs: 64, jitterMs: 8 }
    },
    stop() { did.push('stop'); change({ line: 'idle', call: null }) },
  }
}
