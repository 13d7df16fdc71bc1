import { parentPort, workerData } from 'node:worker_threads'
import { openPort, type PaxosError, type ProposeOptions } from '../../src/port/index.js'

/** What a thread of the application is asked to do; see caller-thread.ts. */
export type Asked =
  | { readonly do: 'propose'; readonly group: number; readonly command: unknown; readonly options?: ProposeOptions }
  | { readonly do: 'many'; readonly group: number; readonly commands: readonly unknown[] }
  /** `count` proposals of their own at once; gives how they ended. */
  | { readonly do: 'storm'; readonly group: number; readonly commands: readonly unknown[] }
  | { readonly do: 'read'; readonly group: number; readonly query?: unknown; readonly consistency?: 'local' }
  | { readonly do: 'abort'; readonly group: number; readonly command: unknown }
  | { readonly do: 'admit'; readonly group: number; readonly maxWaiting: number }
  /** Proposes, and then stands still for so long with the answers unread. */
  | { readonly do: 'stand'; readonly group: number; readonly commands: readonly unknown[]; readonly ms: number }
  /** From then on only calls that wait keep the thread. */
  | { readonly do: 'listen no more' }
  | { readonly do: 'open again' }
  | { readonly do: 'close' }

/** How one command ended: its result, or code and outcome. */
export type End = { readonly result: unknown } | { readonly code: string; readonly outcome: string | undefined }

const client = openPort(workerData.port)

async function run(asked: Asked): Promise<unknown> {
  switch (asked.do) {
    case 'propose':
      return (await client.group(asked.group).propose(asked.command, asked.options)).result
    case 'many': {
      const answers = await client.group(asked.group).proposeMany(asked.commands)
      return answers.map((answer): End => ('error' in answer ? endOf(answer.error) : { result: answer.result }))
    }
    case 'storm':
      return storm(asked.group, asked.commands)
    case 'stand': {
      const ends = storm(asked.group, asked.commands)
      // What was written is published only now, before anything else.
      await new Promise((resolve) => process.nextTick(() => process.nextTick(resolve)))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, asked.ms)
      return ends
    }
    case 'read': {
      const { group, query, consistency = 'quorum' } = asked
      return client.group(group).read(query, { consistency })
    }
    case 'abort': {
      const controller = new AbortController()
      const going = client.group(asked.group).propose(asked.command, { signal: controller.signal })
      setTimeout(() => controller.abort(), 50)
      return (await going).result
    }
    case 'admit':
      return client.group(asked.group).setAdmission({ maxWaiting: asked.maxWaiting })
    case 'listen no more':
      return void setImmediate(() => parentPort?.close())
    case 'open again':
      return void openPort(workerData.port)
    case 'close':
      return client.close()
  }
}

function storm(group: number, commands: readonly unknown[]): Promise<End[]> {
  const one = (command: unknown): Promise<End> =>
    client
      .group(group)
      .propose(command)
      .then(({ result }) => ({ result }), endOf)
  return Promise.all(commands.map(one))
}

function endOf({ code, outcome }: PaxosError): { code: string; outcome: string | undefined } {
  return { code, outcome }
}

parentPort?.on('message', ({ id, asked }: { id: number; asked: Asked }) => {
  run(asked).then(
    (value) => parentPort?.postMessage({ id, value }),
    (error) => parentPort?.postMessage({ id, error: { ...endOf(error), message: error.message } }),
  )
})
