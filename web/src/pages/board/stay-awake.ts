// Keeps the screen on while the board hangs on a wall, where the browser can.

export function stayAwake(): () => void {
  let lock: WakeLockSentinel | null = null
  let over = false

  async function hold() {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return
    try {
      lock = await navigator.wakeLock.request('screen')
      if (over) await lock.release()
    } catch {
      // Refused, as on an empty battery: the screen then sleeps by its own rules.
    }
  }

  // The browser lets go by itself whenever the page is hidden.
  document.addEventListener('visibilitychange', hold)
  hold()
  return () => {
    over = true
    document.removeEventListener('visibilitychange', hold)
    lock?.release().catch(() => {})
  }
}
