/** The ring as others see it: README.md is its contract. */
export { allocateRing } from './layout.js'
export { RingConsumer } from './ring-consumer.js'
export { RingProducer } from './ring-producer.js'
