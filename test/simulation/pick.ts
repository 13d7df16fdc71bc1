import type { Random } from '../../src/base/random.js'

export function pick<T>(random: Random, ...choices: readonly T[]): T {
  return choices[random.below(choices.length)] as T
}
