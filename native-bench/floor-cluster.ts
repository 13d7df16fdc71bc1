import { ChildChannel } from './child-channel.js'
import { FloorHost } from './floor-host.js'
import type { LoadTarget } from './load.js'
import type { ProcessSample, Subject } from './measure.js'
import { type ClusterSettings, nodeSettings } from './node-settings.js'

/** The floor with its callers in this process, and its other disks in processes of their own. */
export class FloorCluster implements Subject {
  readonly name = 'floor'
  readonly target: LoadTarget
  readonly #local: FloorHost
  readonly #children: readonly ChildChannel[]

  private constructor(local: FloorHost, children: readonly ChildChannel[], groups: number) {
    this.#local = local
    this.#children = children
    this.target = { groups, propose: (group, command) => local.propose(group, command) }
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

  samples(): Promise<ProcessSample[]> {
    const others = this.#children.map((child) => child.ask<ProcessSample>('sample'))
    return Promise.all([Promise.resolve(this.#local.sample()), ...others])
  }

  async stop(): Promise<void> {
    await Promise.all([this.#local.stop(), ...this.#children.map((child) => child.stop())])
  }
}
