import { fileURLToPath } from 'node:url'
import { type ServerOptions, ServerProcess } from '../server-process.js'

const MAIN = fileURLToPath(new URL('../../examples/kv/main.js', import.meta.url))

export interface KvProcessOptions extends ServerOptions {
  /** The program; by default the one that was built with this file. */
  readonly main?: string
}

/** One life of a node of examples/kv. */
export class KvProcess extends ServerProcess {
  constructor(args: readonly string[], { main = MAIN, ...options }: KvProcessOptions = {}) {
    super(process.execPath, [main, ...args], (line) => line.startsWith('ready:'), options)
  }
}
