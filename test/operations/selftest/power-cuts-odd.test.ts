import { powerCuts } from './power-cuts.js';

powerCuts(1);
