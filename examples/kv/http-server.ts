import { createRequire } from 'node:module'
import { type HttpServer, ListenError, type ServerOptions } from './http-types.js'
import { startNodeServer } from './node-server.js'
import { startUwsServer } from './uws-server.js'

export type ServerChoice = 'auto' | 'uws' | 'node'

/** On uWebSockets.js where its binary loads, otherwise on node:http; the choice can be forced. */
export async function startHttpServer(choice: ServerChoice, options: ServerOptions): Promise<HttpServer> {
  if (choice === 'node') return startNodeServer(options)
  try {
    const require = createRequire(import.meta.url)
    const uws = require('uWebSockets.js') as typeof import('uWebSockets.js')
    return await startUwsServer(uws, options)
  } catch (error) {
    if (choice === 'uws' || error instanceof ListenError) throw error
    return startNodeServer(options)
  }
}
