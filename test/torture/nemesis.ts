import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../src/base/random.js'
import { DISK_ACTS, RARE_DISK_ACTS } from './disk-faults.js'
import { NETWORK_FAULTS } from './network-faults.js'
import { PROCESS_FAULTS } from './process-faults.js'
import type { Act, Stage } from './stage.js'

interface Track {
  readonly acts: readonly Act[]
  readonly random: Random
  readonly longestCalmMs: number
}

const RARE = 0.04

/** Three hands that do harm at the same time, each from its own seed: to processes, to links, to disks. */
export class Nemesis {
  readonly #stage: Stage
  readonly #tracks: readonly Track[]
  readonly #random: Random
  #acted = false

  constructor(stage: Stage, seed: number) {
    this.#stage = stage
    this.#random = new Random(seed)
    this.#tracks = [
      { acts: PROCESS_FAULTS, random: new Random(this.#random.uint32()), longestCalmMs: 1_000 },
      { acts: NETWORK_FAULTS, random: new Random(this.#random.uint32()), longestCalmMs: 4_000 },
      { acts: DISK_ACTS, random: new Random(this.#random.uint32()), longestCalmMs: 6_000 },
    ]
  }

  /** Begins nothing new after so long; resolves when all that it did is taken back. */
  async act(ms: number): Promise<void> {
    const until = performance.now() + ms
    // After the first time not all of them: what one fault does alone is worth seeing too.
    const active = this.#tracks.filter(({ acts }) => this.#random.chance(acts === PROCESS_FAULTS ? 0.95 : 0.8))
    const tracks = this.#acted && active.length > 0 ? active : this.#tracks
    this.#acted = true
    await Promise.all(tracks.map((track) => this.#run(track, until)))
  }

  async #run({ acts, random, longestCalmMs }: Track, until: number): Promise<void> {
    for (;;) {
      await sleep(random.between(0, longestCalmMs))
      if (performance.now() >= until) return
      const rare = acts === DISK_ACTS && random.chance(RARE)
      const choice = rare ? RARE_DISK_ACTS : acts
      await choice[random.below(choice.length)]!(this.#stage, random)
    }
  }
}
