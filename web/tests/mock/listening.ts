// What the auditor leaves behind on the mock server: what was listened to, and findings.
import type { Call, Finding, TimelineItem, User } from '../../src/lib/api/types.ts'

/** Where the sound begins in the mock's WAV, and how many bytes a second of it has. */
const [DATA_OFFSET, BYTES_A_SECOND] = [44, 32_000]

export class Listening {
  #seq = 5000
  readonly played: TimelineItem[] = []
  readonly findings: (Finding & { call: string })[] = []

  /** As the service does: what is sent is on the record before it is sent. */
  plays(me: User, call: Call, first: number, last: number, reason: string | null) {
    const ms = (byte: number) => Math.max(0, Math.round(((byte - DATA_OFFSET) / BYTES_A_SECOND) * 1000))
    const millis = [ms(first), ms(last + 1)]
    this.played.push({
      seq: this.#seq++, at: new Date().toISOString(), type: 'access.played', recording: call.recordings?.[0]?.id ?? null, offset_ms: millis[0]!,
      actor: { kind: me.role, id: me.id }, reason, contact: call.id, case: null,
      data: { bytes: [first, last], millis, seconds: [Math.floor(millis[0]! / 1000), Math.ceil(millis[1]! / 1000)] },
    })
  }

  notes(me: User, call: Call, { recording, offset_ms, text }: { recording: string, offset_ms: number, text: string }): Finding {
    const finding = { id: `f-${this.findings.length + 1}`, at: new Date().toISOString(), author: me.name, recording, offset_ms, text, call: call.id }
    this.findings.push(finding)
    return finding
  }

  findingsOf(call: string): Finding[] {
    return this.findings.filter((finding) => finding.call === call).sort((a, b) => a.offset_ms - b.offset_ms)
  }
}
