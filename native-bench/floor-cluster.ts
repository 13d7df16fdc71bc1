import type { BenchOptions } from './bench-options.js'
import { ChildChannel } from './child-channel.js'
import { FloorHost } from './floor-host.js'
import { loadShares } from './load/load-shares.js'
import type { LoadTarget } from './load/load-target.js'
import { Load, type LoadEnd } from './load.js'
import type { ProcessSample, Subject } from './measure.js'
import { type ClusterSettings, nodeSettings } from './node-settings.js'

/** The floor with its callers in this process, and its other disks in processes of their own. */
export class FloorCluster implements Subject {
  readonly name = 'floor'
  readonly #local: FloorHost
  readonly #children: readonly ChildChannel[]
  readonly #groups: number

  private constructor(local: FloorHost, children: readonly ChildChannel[], groups: number) {
    this.#local = local
    this.#children = children
    this.#groups = groups
  }

  static async start(settings: ClusterSettings, dir: string): Promise<FloorCluster> {
    const [own, ...others] = await nodeSettings(settings, dir)
    const module = new URL('./floor-process.js', import.meta.url)
    const children = others.map((other) => new ChildChannel(module, other))
    const local = new FloorHost(own!)
    const cluster = new FloorCluster(local, children, settings.groups)
    try {
      await Promise.all([local.start(), ...children.map((child) => child.ask('ready'))])
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  loads(options: BenchOptions): LoadEnd[] {
    const local = this.#local
    const target: LoadTarget = {
      groups: this.#groups,
      propose: (group, command) => local.propose(group, command as Uint8Array),
      proposeMany: (group, commands) => local.proposeMany(group, commands as readonly Uint8Array[]),
      read: () => Promise.reject(new Error('the floor executes nothing that could be read')),
    }
    return [new Load(target, loadShares(options)[0]!)]
  }

  samples(): Promise<ProcessSample[]> {
    const others = this.#children.map((child) => child.ask<ProcessSample>('sample'))
    return Promise.all([Promise.resolve(this.#local.sample()), ...others])
  }

  async stop(): Promise<void> {
    await Promise.all([this.#local.stop(), ...this.#children.map((child) => child.stop())])
  }
}
