/** The process in which a scan looks at one device: one that hangs is given up by ending its process. */
import { scanOne } from './scan-one.js';

const [path = '', deep] = process.argv.slice(2);
let last = Date.now();
const answer = await scanOne(path, deep === 'deep', () => {
  if (Date.now() - last < 1000) return;
  last = Date.now();
  process.stdout.write('\n');
});
process.stdout.write(`${JSON.stringify(answer)}\n`);
