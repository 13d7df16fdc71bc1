import type { LoadSample } from './load/load-counts.js'
import type { ProcessSample } from './measure.js'

/** What a node takes up at one moment. */
export interface NodeSize {
  readonly node: number
  /** Resident, without pages of mapped files where the system tells them apart: what must not grow. */
  readonly ownMegabytes: number
  /** Pages of mapped files, LMDB's, which the system takes back when it needs them; undefined: they are in the above. */
  readonly mappedMegabytes: number | undefined
  readonly dataMegabytes: number
}

/** Where a run stood at one moment. */
export interface CoursePoint {
  /** Since the measurement began. */
  readonly seconds: number
  /** Commands and reads that have ended since then. */
  readonly commands: number
  readonly nodes: readonly NodeSize[]
}

/** Below that, memory still grows into what it needs, and nothing would be told by it. */
const SHORTEST_COURSE_SECONDS = 60
const PARTS = 60

/** Whether memory and files stay as they are shows only over a long run: so it is looked at all along. */
export class Course {
  readonly #points: CoursePoint[] = []
  readonly #seconds: number
  #ticker: NodeJS.Timeout | undefined

  constructor(seconds: number) {
    this.#seconds = seconds
  }

  /** Begins with the measurement; `take` looks at everything once. */
  begin(first: readonly ProcessSample[], take: () => Promise<[LoadSample[], ProcessSample[]]>): void {
    if (this.#seconds < SHORTEST_COURSE_SECONDS) return
    this.#add(0, 0, first)
    this.#ticker = setInterval(
      async () => {
        // A node that has gone is found by the run itself.
        const taken = await take().catch(() => undefined)
        if (taken !== undefined && this.#ticker !== undefined) this.#addSamples(...taken)
      },
      (this.#seconds / PARTS) * 1000,
    )
  }

  cancel(): void {
    clearInterval(this.#ticker)
    this.#ticker = undefined
  }

  /** Its points, the last of them the end of the measurement; empty if it was too short for any. */
  end(loads: readonly LoadSample[], processes: readonly ProcessSample[]): readonly CoursePoint[] {
    this.cancel()
    if (this.#points.length > 0) this.#addSamples(loads, processes)
    return this.#points
  }

  #addSamples(loads: readonly LoadSample[], processes: readonly ProcessSample[]): void {
    const commands = loads.reduce((total, load) => total + load.commands + load.reads, 0)
    this.#add(loads[0]!.seconds, commands, processes)
  }

  #add(seconds: number, commands: number, processes: readonly ProcessSample[]): void {
    this.#points.push({ seconds, commands, nodes: processes.map(sizeOf) })
  }
}

function sizeOf({ node, usage, dataBytes }: ProcessSample): NodeSize {
  const { rssBytes, mappedBytes } = usage
  return {
    node,
    ownMegabytes: (rssBytes - (mappedBytes ?? 0)) / 1e6,
    mappedMegabytes: mappedBytes === undefined ? undefined : mappedBytes / 1e6,
    dataMegabytes: dataBytes / 1e6,
  }
}
