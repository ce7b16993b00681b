'use strict'
// The player of an exported case: no network, no library. Texts are set as text, never as markup.
const { story, names, peaks, words, key, lang } = JSON.parse(document.getElementById('story').textContent)
const $ = (id) => document.getElementById(id)
const t = (name, otherwise) => words[name] ?? otherwise ?? name
const make = (tag, text, attributes = {}) => {
  const made = document.createElement(tag)
  if (text != null) made.textContent = text
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  return made
}
const PEAK_MS = 50
/** Of an event at the very end so much is played. */
const LEAST_MS = 150
const span = (ms) => {
  const all = Math.max(0, Math.floor(ms / 1000))
  const two = (n) => String(n).padStart(2, '0')
  return all >= 3600 ? `${Math.floor(all / 3600)}:${two(Math.floor(all / 60) % 60)}:${two(all % 60)}` : `${Math.floor(all / 60)}:${two(all % 60)}`
}
const moment = (at) => (typeof at === 'number' ? new Date(at / 1000) : new Date(at))
const dated = new Intl.DateTimeFormat(lang, { dateStyle: 'long', timeZone: story.zone })
const timed = new Intl.DateTimeFormat(lang, { timeStyle: 'medium', timeZone: story.zone })
const dateTime = (at) => `${dated.format(moment(at))}, ${timed.format(moment(at))}`

// What it is
const facts = [
  [t('bundle.category'), names.category ?? story.case.category],
  [t('bundle.state'), t(`state.${story.case.state.state}`, story.case.state.state)],
  [t('bundle.registered'), dateTime(story.case.registered_at)],
  [t('bundle.address'), story.case.place?.address],
  [t('bundle.description'), story.case.description],
  [t('bundle.applicant'), [story.case.applicant.name, story.case.applicant.number].filter(Boolean).join(', ')],
  [t('bundle.madeAt'), dateTime(story.made_at)],
]
$('city').textContent = `${names.city} · ${story.short_number}`
$('title').textContent = t('bundle.title').replace('{number}', story.case.number)
for (const [name, value] of facts) {
  if (value) $('facts').append(make('dt', name), make('dd', value, { dir: 'auto' }))
}
for (const [id, word] of [['sound-title', 'sound'], ['lane-citizen', 'citizen'], ['lane-city', 'cityLane'], ['speed-label', 'speed'], ['keys', 'keys'], ['history-title', 'history'], ['pictures-title', 'pictures'], ['proof-title', 'proof'], ['proof-text', 'proofText'], ['proof-key', 'proofKey'], ['no-sound', 'noSound']]) $(id).textContent = t(`bundle.${word}`)
$('key').textContent = key
if (story.unsigned_entries > 0) {
  $('unsigned').textContent = t('bundle.unsigned').replace('{count}', story.unsigned_entries)
  $('unsigned').hidden = false
}

// The sound
const sounds = story.recordings.filter((sound) => sound.state !== 'none').map((sound) => {
  const octets = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
  return { ...sound, starts: sound.started_at / 1000, ms: sound.frames * 1000 / (sound.sample_rate || 1), sides: (peaks[sound.file] ?? ['', '']).map(octets) }
})
const audio = new Audio()
audio.preload = 'auto'
audio.preservesPitch = true
let chosen = null
let wanted = null

function choose(sound) {
  if (chosen === sound) return
  chosen = sound
  audio.pause()
  wanted = null
  $('no-sound').hidden = Boolean(sound.file)
  $('no-sound').textContent = t(sound.state === 'erased' ? 'bundle.erased' : sound.state === 'missing' ? 'bundle.missing' : 'bundle.noSound')
  if (sound.file) {
    audio.src = sound.file
    audio.playbackRate = Number($('speed').value)
  } else audio.removeAttribute('src')
  $('seek').max = String(Math.round(sound.ms))
  $('play').disabled = !sound.file
  for (const button of $('calls').children) button.setAttribute('aria-pressed', String(button.dataset.id === sound.id))
  draw()
}

function place() {
  if (wanted !== null) return wanted
  return audio.currentTime * 1000
}

function seek(ms) {
  wanted = Math.max(0, Math.min(ms, chosen.ms))
  if (audio.readyState > 0) {
    audio.currentTime = wanted / 1000
    wanted = null
  }
  show()
}
audio.addEventListener('loadedmetadata', () => {
  if (wanted !== null) audio.currentTime = wanted / 1000
  wanted = null
})
audio.addEventListener('error', () => {
  if (!chosen?.file) return
  $('no-sound').textContent = t('bundle.noSound')
  $('no-sound').hidden = false
})

function play(from) {
  if (from !== undefined) seek(from)
  if (chosen?.file) void audio.play().catch(() => {})
}
const toggle = () => (audio.paused ? play() : audio.pause())

function draw() {
  const canvas = $('wave')
  const ratio = window.devicePixelRatio || 1
  const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio]
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height]
  const pen = canvas.getContext('2d')
  pen.clearRect(0, 0, width, height)
  if (!chosen) return
  const style = getComputedStyle(document.documentElement)
  const at = chosen.ms ? place() / chosen.ms * width : 0
  for (const [lane, peaksOf] of chosen.sides.entries()) {
    pen.fillStyle = style.getPropertyValue(lane === 0 ? '--citizen' : '--city')
    const middle = height * (lane + 0.5) / 2
    for (let x = 0; x < width; x += 2) {
      const first = Math.floor(x / width * chosen.ms / PEAK_MS)
      const last = Math.max(first + 1, Math.floor((x + 2) / width * chosen.ms / PEAK_MS))
      let loudest = 0
      for (let i = first; i < last && i < peaksOf.length; i++) loudest = Math.max(loudest, peaksOf[i])
      const tall = Math.max(ratio, Math.sqrt(loudest / 255) * height * 0.23)
      pen.globalAlpha = x <= at ? 1 : 0.45
      pen.fillRect(x, middle - tall, Math.max(1, ratio), tall * 2)
    }
  }
  pen.globalAlpha = 1
  pen.fillStyle = style.getPropertyValue('--ink')
  for (const event of events) if (event.sound === chosen) pen.fillRect(event.offset / (chosen.ms || 1) * width, height / 2 - 3 * ratio, ratio, 6 * ratio)
  pen.fillRect(at, 0, 2 * ratio, height)
}

let current = null
function show() {
  if (!chosen) return
  const at = place()
  $('clock').textContent = `${span(at)} / ${span(chosen.ms)}`
  $('seek').value = String(Math.round(at))
  $('seek').setAttribute('aria-valuetext', span(at))
  const now = events.filter((event) => event.sound === chosen && event.offset <= at + 50).at(-1) ?? null
  if (now !== current) {
    current?.line.classList.remove('now')
    now?.line.classList.add('now')
    if (now && !audio.paused && document.activeElement?.closest('#history') === null) now.line.scrollIntoView({ block: 'nearest' })
    current = now
  }
  $('play').textContent = t(audio.paused ? 'bundle.play' : 'bundle.pause')
  draw()
}
function follow() {
  show()
  if (!audio.paused) requestAnimationFrame(follow)
}
audio.addEventListener('play', follow)
for (const event of ['pause', 'seeked', 'ended', 'loadedmetadata']) audio.addEventListener(event, show)

// The history: case and calls on one clock
const people = new Map(story.people.map((person) => [person.id, person]))
const UUID = /^[\da-f]{8}-[\da-f]{4}-/
const within = (offset, sound) => Math.max(0, Math.min(offset, sound.ms - LEAST_MS))
function heardAt(entry) {
  if (entry.offset_ms != null) {
    const sound = sounds.find((sound) => sound.id === entry.recording)
    if (sound) return { sound, offset: within(entry.offset_ms, sound) }
  }
  if (/^(access|disclosure|log|retention|hold)\./.test(entry.type)) return null
  const at = moment(entry.at).getTime()
  const sound = sounds.find((sound) => (!entry.call || sound.call === entry.call) && at >= sound.starts && at <= sound.starts + sound.ms)
  return sound ? { sound, offset: within(at - sound.starts, sound) } : null
}
function said(entry) {
  const who = people.get(entry.actor.id)
  const role = t(`role.${entry.actor.kind}`, entry.actor.kind)
  return who ? `${role} · ${who.name}` : role
}
function factsOf(data) {
  const plain = Object.entries(data).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) && String(value).length < 60 && !UUID.test(String(value)))
  return plain.slice(0, 4).map(([name, value]) => `${name.replaceAll('_', ' ')}: ${value > 1e15 ? dateTime(value) : names.organisations[value] ?? value}`).join(' · ')
}
const told = [...story.history].sort((a, b) => moment(a.at) - moment(b.at) || a.seq - b.seq)
const events = []
let day = ''
for (const entry of told) {
  const today = dated.format(moment(entry.at))
  if (today !== day) $('history').append(make('li', day = today, { class: 'day' }))
  const line = make('li', null, { 'data-seq': entry.seq })
  line.append(make('time', timed.format(moment(entry.at)), { datetime: entry.at }))
  const what = make('div')
  what.append(make('p', t(`event.${entry.type}`, entry.type)), make('p', [said(entry), factsOf(entry.data)].filter(Boolean).join(' · '), { class: 'soft', dir: 'auto' }))
  if (entry.reason) what.append(make('p', entry.reason, { class: 'quote', dir: 'auto' }))
  const raw = make('details')
  raw.append(make('summary', `№ ${entry.seq}`))
  raw.addEventListener('toggle', () => {
    if (raw.open && raw.children.length === 1) raw.append(make('pre', JSON.stringify(entry, null, 2), { dir: 'ltr' }))
  })
  what.append(raw)
  line.append(what)
  const heard = heardAt(entry)
  if (heard) {
    const button = make('button', null, { type: 'button', 'aria-label': `${t('bundle.hear')}: ${span(heard.offset)}` })
    button.append(make('bdi', `▶ ${span(heard.offset)}`, { dir: 'ltr' }))
    button.addEventListener('click', () => hear(event))
    const event = { ...heard, line, button, seq: entry.seq }
    events.push(event)
    line.append(button)
  }
  $('history').append(line)
}
function hear(event) {
  choose(event.sound)
  play(event.offset)
}
function step(by) {
  const own = events.filter((event) => event.sound === chosen).sort((a, b) => a.offset - b.offset)
  const at = place()
  const next = by > 0 ? own.find((event) => event.offset > at + 100) : own.filter((event) => event.offset < at - 600).at(-1)
  if (next) hear(next)
}

// Controls
if (sounds.length) {
  $('player').hidden = false
  $('calls').setAttribute('aria-label', t('bundle.calls'))
  for (const sound of sounds) {
    const button = make('button', `${dateTime(sound.started_at)} · ${span(sound.ms)}`, { type: 'button', 'data-id': sound.id })
    button.addEventListener('click', () => choose(sound))
    $('calls').append(button)
  }
  $('seek').setAttribute('aria-label', t('bundle.position'))
  $('seek').addEventListener('input', () => seek(Number($('seek').value)))
  $('play').addEventListener('click', toggle)
  $('speed').addEventListener('change', () => { audio.playbackRate = Number($('speed').value) })
  choose(sounds.find((sound) => sound.file) ?? sounds[0])
  show()
  new ResizeObserver(draw).observe($('wave'))
}
document.addEventListener('keydown', (event) => {
  if (!chosen || event.ctrlKey || event.altKey || event.metaKey || event.target.matches('select, summary')) return
  const inButton = event.target.matches('button')
  const acts = { ' ': inButton ? null : toggle, k: toggle, ArrowLeft: () => seek(place() - 5000), ArrowRight: () => seek(place() + 5000), n: () => step(1), p: () => step(-1), Home: () => seek(0) }
  const act = acts[event.key]
  if (!act) return
  event.preventDefault()
  act()
})

// Pictures
if (story.photos.length) {
  $('pictures').hidden = false
  for (const photo of story.photos) {
    const figure = make('figure')
    const name = `${t(photo.kind === 'evidence' ? 'bundle.evidence' : 'bundle.attachment')}, ${dateTime(photo.received_at)}`
    if (photo.file) {
      const link = make('a', null, { href: photo.file })
      link.append(make('img', null, { src: photo.file, alt: name, loading: 'lazy' }))
      figure.append(link)
    }
    figure.append(make('figcaption', photo.file ? name : `${name} · ${t('bundle.gone')}`, { class: 'soft' }))
    $('photos').append(figure)
  }
}
