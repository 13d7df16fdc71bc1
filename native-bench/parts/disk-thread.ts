// A thread of parts/disk.ts: durable writes of a page to a file of its own, one behind the other.
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

export interface DiskThreadTask {
  readonly path: string
  /** Overwrites the file's pages by turns; else it grows with each write. */
  readonly overwrite: boolean
  readonly ms: number
}

const PAGE_BYTES = 4096
const PAGES = 1024

const { path, overwrite, ms } = workerData as DiskThreadTask
const page = new Uint8Array(PAGE_BYTES).fill(7)
const fd = openSync(path, 'w')
if (overwrite) {
  for (let i = 0; i < PAGES; i++) writeSync(fd, page, 0, page.length, i * page.length)
  fsyncSync(fd)
}
parentPort?.once('message', () => {
  const tookMs: number[] = []
  const began = performance.now()
  for (let before = began; before - began < ms; ) {
    const place = overwrite ? tookMs.length % PAGES : tookMs.length
    writeSync(fd, page, 0, page.length, place * page.length)
    fdatasyncSync(fd)
    const now = performance.now()
    tookMs.push(now - before)
    before = now
  }
  closeSync(fd)
  parentPort?.postMessage(tookMs)
})
parentPort?.postMessage('ready')
