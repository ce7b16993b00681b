// What a program can see of an ugly page: wider than the screen, text cut, targets too small for a finger, names of the
// program where words should be. Runs in the page, so it may use nothing from outside itself.

export function findings({ lang, touch }: { lang: string, touch: boolean }): string[] {
  const found: string[] = []
  const root = document.documentElement
  const name = (element: Element) => `<${element.tagName.toLowerCase()}${element.className && typeof element.className === 'string' ? `.${element.className.split(' ').filter((one) => !one.startsWith('svelte-')).join('.')}` : ''}> ${(element.getAttribute('aria-label') ?? element.textContent ?? '').trim().replace(/\s+/g, ' ').slice(0, 50)}`
  const seen = (element: Element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest('.hidden-text, .skip')

  if (root.scrollWidth > root.clientWidth) found.push(`wider than the screen by ${root.scrollWidth - root.clientWidth}px`)
  for (const element of document.querySelectorAll('body *')) {
    if (!seen(element)) continue
    const style = getComputedStyle(element)
    const ownText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim())
    const box = element.getBoundingClientRect()
    if (ownText && element.scrollWidth > element.clientWidth + 1 && style.overflowX !== 'visible' && style.display !== 'inline') found.push(`text cut: ${name(element)}`)
    if (ownText && box.width > 0 && (box.left < -1 || box.right > root.clientWidth + 1) && !element.closest('nav, .scroll, pre, table, [data-scrolls]')) found.push(`outside: ${name(element)}`)
    if (!touch || !element.matches('button, a, summary, select, input:not([type=hidden])')) continue
    // A link among words is a word; a box or a dot is pressed by its label.
    const aimed = element.matches('[type=checkbox], [type=radio], [type=file]') ? element.closest('label') ?? element : element
    const target = aimed.getBoundingClientRect()
    const inText = element.matches('a:not(.button)') && style.display === 'inline' && element.parentElement!.textContent!.trim().length > element.textContent!.trim().length
    if (!inText && target.width > 1 && (target.height < 43.5 || target.width < 43.5)) found.push(`small: ${Math.round(target.width)}x${Math.round(target.height)} ${name(element)}`)
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const foreign = new Set<string>()
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    if (!element || !seen(element) || element.closest('code, pre, script, style, [lang], select.languages')) continue
    const text = walker.currentNode.textContent ?? ''
    for (const [word] of text.matchAll(/[A-Za-z]+(?:[._][A-Za-z]+)+/g)) found.push(`identifier: ${word} in ${name(element)}`)
    if (lang === 'he' && !element.closest('[dir]:not(html)')) for (const [word] of text.matchAll(/[\u0400-\u04ff]{3,}/g)) foreign.add(word)
    for (const [word] of text.matchAll(/[A-Za-z]{3,}/g)) foreign.add(word)
  }
  if (foreign.size) found.push(`other letters: ${[...foreign].join(' ')}`)
  return found
}
