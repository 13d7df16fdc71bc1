import { once } from 'node:events'
import { setTimeout as sleep, setImmediate as turnEnd } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { freePorts } from '../free-ports.js'
import { linkNode } from './link-node.js'
import { bytesName, type PartRow } from './part.js'

const FRAME_BYTES = [100, 4 * 1024, 64 * 1024, 1024 * 1024]
/** Frames between two looks at what the sockets have to say. */
const TURN = 256
const LINK_UP_MS = 10_000

/** Frames over a link on loopback, as fast as the other end, a thread of its own, takes them. */
export async function linkRows(ms: number): Promise<PartRow[]> {
  const ports = await freePorts(2)
  let drained: (() => void) | undefined
  const transport = linkNode({ nodeId: 1, ports }, { onDrain: () => drained?.() })
  const workerData = { nodeId: 2, ports }
  const other = new Worker(new URL('./link-thread.js', import.meta.url), { workerData })
  const count = async (): Promise<number> => {
    const answer = once(other, 'message') as Promise<[number]>
    other.postMessage('count')
    return (await answer)[0]
  }
  try {
    await Promise.all([transport.start(), once(other, 'message')])
    for (const end = performance.now() + LINK_UP_MS; !transport.linkState(2).sendable; await sleep(5))
      if (performance.now() > end) throw new Error(`there is no link after ${LINK_UP_MS} ms`)
    const rows: PartRow[] = []
    for (const bytes of FRAME_BYTES) {
      const frame = new Uint8Array(bytes).fill(7)
      const before = await count()
      const began = performance.now()
      let sent = 0
      while (performance.now() - began < ms) {
        const room = new Promise<void>((resolve) => {
          drained = resolve
        })
        let inTurn = 0
        while (inTurn < TURN && transport.send(2, frame) === 'sent') inTurn++
        sent += inTurn
        await (inTurn < TURN ? room : turnEnd())
      }
      while ((await count()) < before + sent) await sleep(1)
      const seconds = (performance.now() - began) / 1000
      const figures = { 'frames/s': sent / seconds, 'MB/s': (sent * bytes) / seconds / 1e6 }
      rows.push({ part: 'link', what: `frames of ${bytesName(bytes)}`, figures })
    }
    return rows
  } finally {
    other.postMessage('stop')
    await Promise.all([once(other, 'exit'), transport.stop()])
  }
}
