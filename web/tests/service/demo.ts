// `ringback demo` in a folder of its own, and what it prints: addresses, passwords, one-time links.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './wait'

const ROOT = join(import.meta.dirname, '../../..')
const BINARY = process.env.RINGBACK ?? join(ROOT, 'target/debug/ringback')

export interface Demo { url: string, sip: string, password: string, links: Map<string, string>, end: () => Promise<void> }

export async function startDemo(): Promise<Demo> {
  const data = mkdtempSync(join(tmpdir(), 'ringback-ui-'))
  const child: ChildProcess = spawn(BINARY, ['demo', '--data', data], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout?.on('data', (chunk) => (text += String(chunk)))
  await until('the demo to invite', () => {
    if (child.exitCode !== null) throw new Error(`${BINARY} ended at once`)
    return text.includes('Ctrl-C ends it') || null
  })
  const links = new Map([...text.matchAll(/(\/\w+)\s+(http:\/\/\S+)/g)].map((found) => [found[1]!, found[2]!]))
  const phone = /password (\S+)\s+server (\S+)/.exec(text)
  const ended = new Promise((resolve) => child.once('exit', resolve))
  return {
    url: new URL(links.get('/desk')!).origin,
    sip: phone![2]!,
    password: phone![1]!,
    links,
    end: async () => {
      child.kill('SIGINT')
      await ended
      rmSync(data, { recursive: true, force: true })
    },
  }
}
