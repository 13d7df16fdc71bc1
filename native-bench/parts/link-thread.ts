// The other end of parts/link.ts: a node that counts the frames it gets.
import { parentPort, workerData } from 'node:worker_threads'
import { type LinkSettings, linkNode } from './link-node.js'

let frames = 0
const transport = linkNode(workerData as LinkSettings, {
  onFrame: () => {
    frames++
  },
})
parentPort?.on('message', async (what: 'count' | 'stop') => {
  if (what === 'count') parentPort?.postMessage(frames)
  else {
    await transport.stop()
    parentPort?.close()
  }
})
await transport.start()
parentPort?.postMessage('ready')
