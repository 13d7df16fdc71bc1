import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { DiskThreadTask } from './disk-thread.js'
import { type PartRow, percentile } from './part.js'

const THREADS = [1, 2, 4, 8]

/** Durable writes of a page (write, fdatasync) by several threads at once, each to a file of its own. */
export async function diskRows(directory: string, ms: number): Promise<PartRow[]> {
  const rows: PartRow[] = []
  for (const overwrite of [false, true]) {
    for (const threads of THREADS) rows.push(await oneRow(directory, threads, overwrite, ms))
  }
  return rows
}

async function oneRow(directory: string, threads: number, overwrite: boolean, ms: number): Promise<PartRow> {
  const workers = Array.from({ length: threads }, (_, thread) => {
    const workerData: DiskThreadTask = { path: join(directory, `page-${thread}`), overwrite, ms }
    return new Worker(new URL('./disk-thread.js', import.meta.url), { workerData })
  })
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const answers = workers.map((worker) => once(worker, 'message') as Promise<[number[]]>)
  for (const worker of workers) worker.postMessage('go')
  const tookMs = (await Promise.all(answers)).flatMap(([each]) => each)
  const kind = overwrite ? 'pages overwritten' : 'pages appended'
  return {
    part: 'disk',
    what: `${kind}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    figures: {
      'flushes/s': (tookMs.length * 1000) / ms,
      'p50 ms': percentile(tookMs, 0.5),
      'p99 ms': percentile(tookMs, 0.99),
    },
  }
}
