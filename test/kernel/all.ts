/** Everything that needs a real kernel, as `npm run test:kernel` runs it; each file also runs by itself. */
import './cold-start.js';
import './dm-table.js';
import './held-remap.js';
import './nbd-device.js';
import './nbd-files.js';
import './nbd-migrate.js';
import './own-mapping.js';
