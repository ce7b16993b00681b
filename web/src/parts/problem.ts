// A failed request in the reader's words.
import { Problem } from '../lib/api/client'
import { CATALOGUE, type Key } from '../lib/i18n/all'
import { t } from '../lib/i18n/index.svelte'

/** The localised sentence, and the server's own detail beside it when there is one. */
export function problemText(error: unknown): { text: string; detail: string } {
  if (!(error instanceof Problem)) return { text: t('error.other'), detail: error instanceof Error ? error.message : '' }
  const key = `error.${error.status}` as Key
  return { text: key in CATALOGUE ? t(key) : t('error.other'), detail: error.detail }
}
