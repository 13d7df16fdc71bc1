import type { ChildChannel } from '../child-channel.js'
import { Load, type LoadEnd, type LoadOptions } from '../load.js'
import type { LoadResult, LoadSample } from './load-counts.js'
import type { LoadTarget } from './load-target.js'

/** A load in the process of another node. */
export class RemoteLoad implements LoadEnd {
  readonly #child: ChildChannel
  readonly #options: LoadOptions

  constructor(child: ChildChannel, options: LoadOptions) {
    this.#child = child
    this.#options = options
  }

  start(): Promise<void> {
    return this.#child.ask('load:start', this.#options)
  }

  begin(): Promise<void> {
    return this.#child.ask('load:begin')
  }

  sample(): Promise<LoadSample> {
    return this.#child.ask('load:sample')
  }

  finish(): Promise<LoadResult> {
    return this.#child.ask('load:finish')
  }
}

/** The other end of it: the node's own load, started by the first request. */
export class LoadService {
  #load: Load | undefined

  /** Undefined: the request is none of a load. */
  answer(target: LoadTarget, kind: string, body: unknown): Promise<unknown> | undefined {
    if (kind === 'load:start') {
      this.#load = new Load(target, body as LoadOptions)
      this.#load.start()
      return Promise.resolve(true)
    }
    const load = this.#load
    if (load === undefined) return undefined
    if (kind === 'load:begin') return Promise.resolve(load.begin()).then(() => true)
    if (kind === 'load:sample') return Promise.resolve(load.sample())
    return kind === 'load:finish' ? load.finish() : undefined
  }
}
