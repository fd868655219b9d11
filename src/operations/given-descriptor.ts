/** For programs that are told by number where to write; they use no device themselves. */
export { givenDescriptor } from '../device/given-descriptor.js';
