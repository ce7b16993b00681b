// Phone numbers as people read them.

/** Country codes whose length is known here: the city's own and its neighbours'. */
const COUNTRY = /^\+(380|370|371|372|373|375|972|48|49|40|36|7|1)/

/** How the rest is grouped, by its number of digits. */
const GROUPS: Record<number, number[]> = { 8: [3, 2, 3], 9: [2, 3, 2, 2], 10: [3, 3, 2, 2] }

/** A number as filters compare it: some trunks send the plus, others do not. */
export const digits = (number: string) => number.replace(/\D/g, '')

/** A whole international number that came without its plus. */
const WITHOUT_PLUS = /^\d{11,12}$/

/** What people write to be rung back at; the server judges the same way (src/phone_number.rs). */
export function isWritten(number: string): boolean {
  const kept = number.replace(/[-./()\s]/g, '')
  return /^\+?\d{7,15}$/.test(kept)
}

/** Groups an E.164 number, +380 44 123 45 67; extensions and unknown forms stay as they are. */
export function phoneText(number: string | null | undefined): string {
  if (!number) return '—'
  const full = WITHOUT_PLUS.test(number) && COUNTRY.test(`+${number}`) ? `+${number}` : number
  const code = COUNTRY.exec(full)?.[0]
  if (!code || !/^\+\d+$/.test(full)) return number
  let rest = full.slice(code.length)
  const groups = (GROUPS[rest.length] ?? [rest.length]).map((size) => {
    const group = rest.slice(0, size)
    rest = rest.slice(size)
    return group
  })
  return [code, ...groups].join(' ')
}

/** The same within a sentence, where it must not be broken over two lines. */
export const unbroken = (number: string) => phoneText(number).replaceAll(' ', '\u00a0')
