// An operator's phone: baresip, registered and answering by command. Its configuration lives in a temporary folder.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toneWav } from './tone'
import { until } from './wait'

const MODULES = process.env.BARESIP_MODULES ?? '/usr/lib/baresip/modules'

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

export class Phone {
  private constructor(private folder: string, private child: ChildProcess, private control: Socket) {}

  static async register(server: string, extension: string, password: string): Promise<Phone> {
    const folder = mkdtempSync(join(tmpdir(), 'ringback-phone-'))
    const [sip, control] = [await freePort(), await freePort()]
    const modules = ['g711', 'aufile', 'aubridge'].map((name) => `module ${name}.so\n`).join('')
    writeFileSync(join(folder, 'config'),
      `sip_listen 127.0.0.1:${sip}\nnet_interface 127.0.0.1\nmodule_path ${MODULES}\n${modules}module_tmp uuid.so\nmodule_tmp account.so\n`
      + `module_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:${control}\n`
      + `audio_source aufile,${folder}/speech.wav\naudio_player aubridge,loudspeaker\naudio_alert aubridge,alert\n`
      + 'ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\naudio_buffer 20-160\n')
    writeFileSync(join(folder, 'accounts'),
      `<sip:${extension}@${server};transport=udp>;auth_user=${extension};auth_pass=${password};answermode=manual;regint=60;audio_codecs=PCMA/8000/1\n`)
    writeFileSync(join(folder, 'contacts'), '')
    writeFileSync(join(folder, 'speech.wav'), toneWav(60))
    const child = spawn('baresip', ['-f', folder], { stdio: 'ignore' })
    const socket = await until('the control port of baresip', () => new Promise<Socket | null>((resolve) => {
      const tried = connect(control, '127.0.0.1', () => resolve(tried))
      tried.on('error', () => resolve(null))
    }))
    socket.on('data', () => {})
    socket.on('error', () => {})
    return new Phone(folder, child, socket)
  }

  /** A command of baresip's menu, as in `accept`. */
  command(name: string) {
    const text = JSON.stringify({ command: name, token: name })
    this.control.write(`${Buffer.byteLength(text)}:${text},`)
  }

  end() {
    this.control.destroy()
    this.child.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

