// The executor signs out: nothing of the work stays on the telephone, and nothing that waits is lost unasked.
import { t } from '../i18n/index.svelte'
import { session } from '../session.svelte'
import { outbox } from './outbox.svelte'
import { forget } from './store'

let known = false

/** Called by the page; once is enough. */
export function tidyUpAtSignOut() {
  if (known) return
  known = true
  session.beforeSignOut(async () => {
    const count = outbox.items.length
    if (count > 0 && !confirm(t('outbox.signOut', { count }))) return false
    outbox.close()
    await forget().catch(() => {})
    if ('caches' in window) for (const name of await caches.keys()) await caches.delete(name)
    for (const worker of (await navigator.serviceWorker?.getRegistrations()) ?? []) await worker.unregister()
    return true
  })
}

/** The page itself opens without signal: its files are kept by a service worker. */
export function keepShell() {
  navigator.serviceWorker?.register('/work-shell.js', { scope: '/work' }).catch(() => {})
}
