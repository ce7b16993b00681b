// The other operators, as who looks for one of them sees them.
import type { LiveOperator, OperatorStatus } from '../../lib/api/types'

/** By what is known of who has this extension. */
export const colleagueName = (operators: LiveOperator[], extension: string) => operators.find((operator) => operator.extension === extension)?.name ?? extension

/** Whose phone can be called now: nobody waits for it, and the server lets it ring. */
export const canBeCalled = ({ registered, status }: LiveOperator) => registered && (status === 'ready' || status === 'not_ready')

/** What was typed, as a number outside that can be dialled; null for what is none, or is somebody's extension. */
export function outsideNumber(operators: LiveOperator[], typed: string): string | null {
  const number = typed.replace(/[\s().-]/g, '')
  return /^\+?\d{3,15}$/.test(number) && !operators.some(({ extension }) => extension === number) ? number : null
}

/** Who can be asked comes first. */
const ORDER: OperatorStatus[] = ['ready', 'not_ready', 'wrap_up', 'talking', 'offered', 'logged_out']

/** Everybody but `own` whose name or extension begins with the words of `text`, in any order. */
export function findColleagues(operators: LiveOperator[], own: string | undefined, text: string): LiveOperator[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean)
  const fits = ({ name, extension }: LiveOperator) => {
    const parts = [...name.toLocaleLowerCase().split(/\s+/), extension]
    return words.every((word) => parts.some((part) => part.startsWith(word)))
  }
  const rank = (operator: LiveOperator) => (canBeCalled(operator) ? 0 : ORDER.length) + ORDER.indexOf(operator.status)
  return operators.filter((operator) => operator.id !== own && fits(operator)).sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}
