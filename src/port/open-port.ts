import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { PortNews } from '../codec/port-news.js'
import { PaxosError } from '../host/paxos-error.js'
import type { PortMemory } from '../ring/port-memory.js'
import { PortClient } from './port-client.js'

/**
 * Opens what `node.port()` gave, in the thread that it was transferred to; once. From then on this thread proposes and
 * reads through rings of its own, and the node's thread has no part in it. Throws `INVALID_OPTION` where it is no such
 * handle, or one that was opened already.
 *
 * @example
 * const client = openPort(workerData.port)
 * const { result } = await client.groupFor('user:42').propose({ add: 1 })
 * client.close()
 */
export function openPort(handle: MessagePort): PortClient {
  const news = firstNews(handle)
  if (news?.kind === 'begin') return new PortClient(handle, news.settings)
  throw new PaxosError(
    'INVALID_OPTION',
    'openPort takes what node.port() gave, transferred to this thread (transferList) and not opened before',
  )
}

function firstNews(handle: MessagePort): PortNews<PortMemory> | undefined {
  try {
    return receiveMessageOnPort(handle)?.message
  } catch {
    // No MessagePort.
    return undefined
  }
}
