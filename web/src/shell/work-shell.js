// Keeps the files of the executor's page, so that it opens without signal. Nothing of the API passes through here or is
// kept here. FILES and VERSION are put in by the build (vite.shell.ts).
const NAME = `ringback-shell-${VERSION}`
const PAGE = '/work'

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll([PAGE, ...FILES])).then(() => self.skipWaiting()))
})

self.addEventListener('activate', (event) => {
  const older = caches.keys().then((names) => Promise.all(names.filter((name) => name !== NAME).map((name) => caches.delete(name))))
  event.waitUntil(older.then(() => self.clients.claim()))
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== location.origin) return
  if (request.mode === 'navigate' && url.pathname === PAGE) {
    event.respondWith(fetch(request).catch(() => caches.match(PAGE).then((kept) => kept ?? Response.error())))
  } else if (FILES.includes(url.pathname)) {
    // Their names change with their content.
    event.respondWith(caches.match(url.pathname).then((kept) => kept ?? fetch(request)))
  }
})
