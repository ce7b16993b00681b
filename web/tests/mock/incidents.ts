// Mass outages of the invented city: none until a test lets them happen, or somebody declares one.
import type { Incident } from '../../src/lib/incidents.ts'
import * as city from './city.ts'

const PROGRESS = { attached: 412, waiting: 0, queued: 0, trying: 0, told: 0, confirmed: 0, refuted: 0, not_reached: 0 }

export function incidentsApi() {
  const list: Incident[] = []
  const base = (): Incident => ({
    number: 12, state: 'open', category: 'water.none', cause: 'failure', executor: 'vodokanal', declared_at: city.at(-1.5), expected: city.at(3), late: false, updates: 1, restored_at: null, ended_at: null,
    area: { whole_city: false, territories: [{ id: 'center', name: 'Центральний район' }], streets: [{ key: 'вулиця Паркова#1', name: 'вулиця Паркова', houses: [{ from: 1, to: 25, side: 'odd' }, { from: 40, to: 40, side: 'both' }] }] },
    cases: { ...PROGRESS },
  })

  /** A burst main in the centre, works whose time has passed, and one that is being told of. */
  function happen() {
    const over: Incident = { ...base(), number: 10, state: 'restored', category: 'heating.cold', cause: 'planned_works', restored_at: city.at(-0.2), area: { whole_city: true, territories: [], streets: [] }, cases: { ...PROGRESS, attached: 96, queued: 30, trying: 4, told: 6, confirmed: 51, refuted: 3, not_reached: 2 } }
    const late: Incident = { ...base(), number: 11, category: 'light.single', cause: 'weather', expected: city.at(-0.5), late: true, area: { whole_city: false, territories: [{ id: 'north', name: 'Північний район' }], streets: [] }, cases: { ...PROGRESS, attached: 7 } }
    list.push(base(), late, over)
  }

  const open = () => list.filter((one) => one.state === 'open')
  const known = () => open().map(({ number, category, cause, area, declared_at, expected, late }) => ({
    number, category: city.CITY.categories.find((item) => item.id === category)?.name ?? category, cause, area, since: declared_at, expected: late ? null : expected,
  }))

  function answer(method: string, number: string | undefined, action: string | undefined, body: Record<string, unknown>): unknown {
    if (method === 'GET') return { items: list, next: null }
    if (!number) {
      const asked = body.area as { whole_city: boolean, territories: string[], streets: { key: string, houses: Incident['area']['streets'][0]['houses'] }[] }
      const one: Incident = { ...base(), ...body, area: { ...asked, territories: asked.territories.map((id) => ({ id, name: city.CITY.territories.find((item) => item.id === id)?.name as string })), streets: asked.streets.map((street) => ({ ...street, name: street.key.split('#')[0]! })) }, cases: { ...PROGRESS, attached: 0 } }
      list.unshift(one)
      return one
    }
    const one = list.find((item) => item.number === Number(number))!
    if (action === 'expect') Object.assign(one, { expected: body.expected, late: false })
    if (action === 'restore') Object.assign(one, { state: 'restored', cases: { ...one.cases, queued: one.cases!.attached } })
    if (action === 'cancel') one.state = 'cancelled'
    return one
  }

  return { list, happen, open, known, answer }
}
