import type { Listener, ListenerOptions } from './listener.js'
import { listenUws } from './listener-uws.js'
import { listenWs } from './listener-ws.js'
import { NetError } from './net-error.js'
import type { ListenerChoice, NetLogger } from './transport.js'
import { tryLoadUws } from './uws-module.js'

export async function openListener(
  choice: ListenerChoice,
  logger: NetLogger,
  options: ListenerOptions,
  load = tryLoadUws,
): Promise<Listener> {
  if (choice === 'ws') return listenWs(options)
  const uws = load()
  if (!('unavailable' in uws)) return listenUws(uws, options)
  const why = `uWebSockets.js does not load here (${uws.unavailable})`
  if (choice === 'uws') throw new NetError('UWS_UNAVAILABLE', `${why}; take the listener 'auto' or 'ws'.`)
  logger.warn({ listener: 'ws' }, `${why}: listening with ws, which speaks the same protocol a little slower.`)
  return listenWs(options)
}
