// Runs in the page before its own scripts: hears what the page plays by Web Audio, and when. Changes nothing of it.
{
  /** ScriptProcessor's block: 32 ms at 8 kHz, as exact as a moment is known here. */
  const BLOCK = 256
  /** Blocks of silence after which nothing of what played before is still on its way. */
  const SETTLED = 8
  /** By context: what listens at its loudspeaker. */
  const ears = new Map()
  let heard = []
  /** Milliseconds of the page's clock. */
  let clickedAt = null
  let firstAt = null
  /** Blocks of silence since the last sound. */
  let silence = SETTLED

  addEventListener('click', () => { if (clickedAt === null) clickedAt = performance.now() }, true)

  const connect = AudioNode.prototype.connect
  AudioNode.prototype.connect = function (to, ...more) {
    const connected = connect.call(this, to, ...more)
    if (to instanceof AudioDestinationNode) {
      const { context } = to
      let ear = ears.get(context)
      if (!ear) {
        ear = context.createScriptProcessor(BLOCK, 1, 1)
        ear.onaudioprocess = ({ inputBuffer }) => {
          const samples = inputBuffer.getChannelData(0)
          const isSilent = samples.every((sample) => sample === 0)
          silence = isSilent ? silence + 1 : 0
          if (firstAt === null) {
            if (isSilent) return
            firstAt = performance.now()
          }
          heard.push(Int16Array.from(samples, (x) => Math.max(-32768, Math.min(32767, Math.round(x * 32767)))))
        }
        ears.set(context, ear)
        connect.call(ear, to)
      }
      connect.call(this, ear)
    }
    return connected
  }
  window.ears = {
    listenAnew: () => { heard = []; clickedAt = null; firstAt = null },
    isQuiet: () => silence >= SETTLED,
    heard: () => heard.flatMap((block) => Array.from(block)),
    /** From the click to the first sound, or null. */
    delayMs: () => (clickedAt === null || firstAt === null ? null : firstAt - clickedAt),
  }
}
