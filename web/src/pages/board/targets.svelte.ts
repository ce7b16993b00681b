// The supervisor's targets, kept in this browser.
import { DEFAULT_TARGETS, targetsOf, type Targets } from './figures'

const STORED = 'ringback.board.targets'

function stored(): Targets {
  try {
    return targetsOf(JSON.parse(localStorage.getItem(STORED) ?? 'null'))
  } catch {
    // A browser that keeps nothing, or something else under our name: the board works all the same.
    return DEFAULT_TARGETS
  }
}

class Kept {
  value = $state.raw<Targets>(stored())

  keep(targets: Targets) {
    this.value = targets
    try {
      localStorage.setItem(STORED, JSON.stringify(targets))
    } catch {
      // Good for this visit, then.
    }
  }
}

export const targets = new Kept()
