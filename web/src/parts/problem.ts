// A failed request in the reader's words.
import { Problem } from '../lib/api/client'
import { isKey, t } from '../lib/i18n/index.svelte'

/** A problem that the service has a name for, in the reader's words alone; of others the sentence of the status, and the service's own detail beside it. */
export function problemText(error: unknown): { text: string; detail: string } {
  if (!(error instanceof Problem)) return { text: t('error.other'), detail: error instanceof Error ? error.message : '' }
  const named = `problem.${error.code}`
  if (error.code && isKey(named)) return { text: t(named), detail: '' }
  const key = `error.${error.status}`
  return { text: isKey(key) ? t(key) : t('error.other'), detail: error.detail }
}
