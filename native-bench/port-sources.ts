import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { PaxosNode } from '../src/index.js'
import { PortLoad, type PortLoadCounts, type PortLoadOptions } from './port-load.js'

/** Where a load comes from: the thread of the node, or threads with ports of it. */
export interface LoadSource {
  begin(): Promise<unknown>
  counts(): Promise<PortLoadCounts[]>
  /** Ends it; what it has counted in all. */
  stop(): Promise<PortLoadCounts[]>
}

export function mainSource(node: PaxosNode, options: PortLoadOptions): LoadSource {
  const load = new PortLoad(node, options)
  return {
    begin: async () => load.begin(),
    counts: async () => [load.counts()],
    stop: async () => {
      await load.stop()
      return [load.counts()]
    },
  }
}

/** `callers` are divided among the threads; each has one at least. */
export async function threadSource(node: PaxosNode, threads: number, options: PortLoadOptions): Promise<LoadSource> {
  const workers = Array.from({ length: threads }, (_, thread) => {
    const port = node.port()
    const callers = Math.max(1, Math.floor(options.callers / threads))
    const own = { ...options, callers, source: options.source + thread }
    const data = { port, options: own }
    return new Worker(new URL('./port-loader.js', import.meta.url), { workerData: data, transferList: [port] })
  })
  const answers = () =>
    Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as Promise<PortLoadCounts>))
  const ask = (what: string) => {
    const answered = answers()
    for (const worker of workers) worker.postMessage(what)
    return answered
  }
  await answers()
  return { begin: () => ask('begin'), counts: () => ask('counts'), stop: () => ask('stop') }
}
