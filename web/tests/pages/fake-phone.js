// The phone behind the interface of src/lib/phone/phone.ts, as page tests want it: served in place of the JsSIP one, told
// what happens by `window.fakePhone`, remembering what it was asked. Holds and resumes at once.
const IDLE = { line: 'idle', call: null, consultation: null, with: 'nobody', muted: false, handingOver: false, news: null, trouble: null }
let state = IDLE
const did = []
let tell = () => {}
let obliging = false
let phone
const change = (changes) => tell(state = { ...state, ...changes })
const on = (one) => one && ['talking', 'held'].includes(one.phase)

/** Both calls follow whom the operator talks to. */
function turn(whom, more = {}) {
  const phase = (one, mine) => (on(one) ? { ...one, phase: whom === mine || whom === 'both' ? 'talking' : 'held' } : one)
  change({ ...more, call: phase(state.call, 'caller'), consultation: phase(more.consultation === undefined ? state.consultation : more.consultation, 'colleague'), with: whom })
}

window.fakePhone = {
  did,
  ring: (from, answerMode) => {
    change({ call: { phase: 'ringing', from }, news: null })
    if (answerMode === 'Auto' && obliging) phone.answer()
  },
  line: (line) => change({ line }),
  trouble: (trouble) => change({ trouble }),
  end: () => change({ call: null, with: state.consultation ? 'colleague' : 'nobody', news: state.consultation && { outcome: 'caller_hung_up', colleague: state.consultation.to } }),
  colleagueAnswers: () => turn('colleague', { consultation: { ...state.consultation, phase: 'talking' } }),
  colleagueGone: (outcome) => turn('caller', { consultation: null, handingOver: false, news: { outcome, colleague: state.consultation.to } }),
  ending: () => change({ consultation: { ...state.consultation, phase: 'ending' }, with: 'caller' }),
  handedOver: (done) => (done
    ? change({ call: null, consultation: null, with: 'nobody', handingOver: false, news: { outcome: 'handed_over', colleague: state.consultation.to } })
    : turn('caller', { handingOver: false, news: { outcome: 'not_handed_over', colleague: state.consultation.to } })),
  received: 0,
  lost: 0,
  /** Per reading. */
  comes: 100,
}

export const makePhone = (listener, obligingly) => {
  tell = listener
  obliging = obligingly
  return phone = {
    get state() { return state },
    start(account) { did.push(`start ${account.extension}`); change({ line: 'registered' }) },
    use(devices) { did.push(`use ${JSON.stringify(devices)}`) },
    answer() { did.push('answer'); change({ call: { phase: 'talking', from: state.call.from }, with: 'caller' }) },
    decline() { did.push('decline'); change({ call: null }) },
    hangUp() { did.push('hangUp'); change({ call: null, with: 'nobody' }) },
    talkTo(whom) { did.push(`talkTo ${whom}`); turn(whom, { news: null }) },
    mute(on) { did.push(`mute ${on}`); change({ muted: on }) },
    press(digit) { did.push(`press ${digit}`) },
    consult(extension) { did.push(`consult ${extension}`); turn('colleague', { consultation: { phase: 'calling', to: extension }, news: null }) },
    endConsultation() { did.push('endConsultation'); turn('caller', { consultation: null, news: null }) },
    handOver() { did.push('handOver'); change({ handingOver: true }) },
    async statistics() {
      const phone = window.fakePhone
      phone.received += phone.comes
      phone.lost += phone.comes / 25
      return { packetsReceived: phone.received, packetsLost: phone.lost, lossThere: 0.01, roundTripMs: 64, jitterMs: 8 }
    },
    stop() { did.push('stop'); tell(state = IDLE) },
  }
}
