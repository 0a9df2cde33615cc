package io.github.pointmill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datadoghq.sketch.ddsketch.DDSketch;
import com.datadoghq.sketch.ddsketch.DDSketchProtoBinding;
import com.datadoghq.sketch.ddsketch.DDSketchWithExactSummaryStatistics;
import com.datadoghq.sketch.ddsketch.encoding.ByteArrayInput;
import com.datadoghq.sketch.ddsketch.encoding.GrowingByteArrayOutput;
import com.datadoghq.sketch.ddsketch.mapping.CubicallyInterpolatedMapping;
import com.datadoghq.sketch.ddsketch.mapping.IndexMapping;
import com.datadoghq.sketch.ddsketch.mapping.LogarithmicMapping;
import com.datadoghq.sketch.ddsketch.store.Bin;
import com.datadoghq.sketch.ddsketch.store.UnboundedSizeDenseStore;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

/** Datadog's own sketches-java reads what this writes, and the other way round. */
class SketchesJavaTest {
    /** Of the mapping whose bins are the Agent's. */
    private static final double GAMMA = 65.0 / 64;
    private static final double[] QUANTILES = {0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1};

    /** Real delays by airport, and invented values of many magnitudes. */
    private static Map<String, double[]> values() throws Exception {
        Map<String, List<Double>> lists = new TreeMap<>();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(new GZIPInputStream(
                Files.newInputStream(Support.ROOT.resolve("testdata/flights-2001-01.csv.gz"))), StandardCharsets.UTF_8))) {
            lines.readLine();
            for (String line; (line = lines.readLine()) != null; ) {
                String[] cells = line.split(",");
                lists.computeIfAbsent(cells[3], any -> new ArrayList<>()).add(Double.valueOf(cells[1]));
            }
        }
        assertTrue(lists.size() > 200);
        Random random = new Random(1);
        for (int n : new int[] {1, 2, 3, 100, 20_000}) {
            List<Double> list = new ArrayList<>();
            for (int i = 0; i < n; i++) {
                list.add(Math.exp(3 * random.nextGaussian()) * (i % 7 == 0 ? -1 : 1));
            }
            lists.put("lognormal " + n, list);
        }
        Map<String, double[]> values = new TreeMap<>();
        lists.forEach((name, list) -> values.put(name, list.stream().mapToDouble(Double::doubleValue).toArray()));
        return values;
    }

    private static boolean near(double got, double want, double tolerance) {
        return got == want || Math.abs(got - want) <= tolerance * Math.abs(want);
    }

    private static Map<Long, Long> bins(Sketch sketch) {
        Map<Long, Long> bins = new TreeMap<>();
        for (Sketch.Bin bin : sketch.bins()) {
            bins.merge((long) bin.key(), bin.count(), Long::sum);
        }
        return bins;
    }

    /** Their bins under the Agent's keys: an index counts as a key of that sign. */
    private static Map<Long, Long> bins(DDSketch sketch) {
        Map<Long, Long> bins = new TreeMap<>();
        add(bins, sketch.getPositiveValueStore().getAscendingIterator(), 1);
        add(bins, sketch.getNegativeValueStore().getAscendingIterator(), -1);
        double zeros = sketch.getCount() - bins.values().stream().mapToLong(Long::longValue).sum();
        if (zeros > 0) {
            bins.put(0L, (long) zeros);
        }
        return bins;
    }

    private static void add(Map<Long, Long> bins, Iterator<Bin> iterator, int sign) {
        while (iterator.hasNext()) {
            Bin bin = iterator.next();
            assertEquals(Math.rint(bin.getCount()), bin.getCount());
            bins.put((long) sign * bin.getIndex(), (long) bin.getCount());
        }
    }

    private static DDSketch theirs(Sketch.Format form, Sketch ours) throws Exception {
        byte[] bytes = ours.encode(form);
        if (form == Sketch.Format.DDSKETCH_PROTO) {
            return DDSketchProtoBinding.fromProto(UnboundedSizeDenseStore::new,
                    com.datadoghq.sketch.ddsketch.proto.DDSketch.parseFrom(bytes));
        }
        DDSketchWithExactSummaryStatistics exact = exact(bytes);
        assertEquals(ours.summary().count(), exact.getCount());
        assertEquals(ours.summary().min(), exact.getMinValue());
        assertEquals(ours.summary().max(), exact.getMaxValue());
        assertEquals(ours.summary().sum(), exact.getSum());
        double zeros = exact.getCount() - exact.getPositiveValueStore().getTotalCount()
                - exact.getNegativeValueStore().getTotalCount();
        return DDSketch.of(exact.getIndexMapping(), exact.getNegativeValueStore(), exact.getPositiveValueStore(), zeros);
    }

    private static DDSketchWithExactSummaryStatistics exact(byte[] bytes) throws Exception {
        return DDSketchWithExactSummaryStatistics.decode(ByteArrayInput.wrap(bytes), UnboundedSizeDenseStore::new);
    }

    @Test
    void theyReadWhatWeWrite() throws Exception {
        for (Map.Entry<String, double[]> named : values().entrySet()) {
            double[] sorted = named.getValue().clone();
            Arrays.sort(sorted);
            try (Sketch ours = SketchTest.of(named.getValue())) {
                for (Sketch.Format form : List.of(Sketch.Format.DDSKETCH_PROTO, Sketch.Format.DDSKETCH_COMPACT)) {
                    String where = named.getKey() + " " + form;
                    DDSketch theirs = theirs(form, ours);
                    assertEquals(sorted.length, theirs.getCount(), where);
                    double accuracy = theirs.getIndexMapping().relativeAccuracy();
                    assertEquals(GAMMA, (1 + accuracy) / (1 - accuracy), 1e-12);
                    assertEquals(bins(ours), bins(theirs), where);
                    for (double q : QUANTILES) {
                        // Their rank is a whole number beside q·(n-1).
                        double rank = q * (sorted.length - 1);
                        double got = theirs.getValueAtQuantile(q);
                        assertTrue(near(got, sorted[(int) Math.floor(rank)], 1.0 / 129 + 1e-9)
                                || near(got, sorted[(int) Math.ceil(rank)], 1.0 / 129 + 1e-9), where + " q" + q + " " + got);
                    }
                }
            }
        }
    }

    /** Of the same mapping: bin for bin. Of others: every value within both sketches' accuracy. */
    @Test
    void weReadWhatTheyWrite() throws Exception {
        IndexMapping same = theirs(Sketch.Format.DDSKETCH_PROTO, SketchTest.of(1)).getIndexMapping();
        for (Map.Entry<String, double[]> named : values().entrySet()) {
            double[] sorted = named.getValue().clone();
            Arrays.sort(sorted);
            for (IndexMapping mapping : List.of(same, new LogarithmicMapping(0.01), new CubicallyInterpolatedMapping(0.005))) {
                DDSketch theirs = new DDSketch(mapping, UnboundedSizeDenseStore::new);
                for (double value : named.getValue()) {
                    theirs.accept(value);
                }
                GrowingByteArrayOutput out = GrowingByteArrayOutput.withDefaultInitialCapacity();
                theirs.encode(out, false);
                byte[] compact = Arrays.copyOf(out.backingArray(), out.numWrittenBytes());
                byte[] proto = DDSketchProtoBinding.toProto(theirs).toByteArray();
                for (Sketch.Format format : List.of(Sketch.Format.DDSKETCH_PROTO, Sketch.Format.DDSKETCH_COMPACT)) {
                    String where = named.getKey() + " " + format + " " + mapping;
                    try (Sketch ours = Sketch.decode(format == Sketch.Format.DDSKETCH_PROTO ? proto : compact, format)) {
                        assertEquals(sorted.length, ours.summary().count(), where);
                        if (mapping == same) {
                            assertEquals(bins(theirs), bins(ours), where);
                        }
                        for (double q : QUANTILES) {
                            double rank = q * (sorted.length - 1);
                            double got = ours.quantile(q);
                            // A bin of another mapping is spread, so its values may land in the bin beside.
                            double tolerance = mapping == same ? 1.0 / 129 + 1e-9 : 2 * mapping.relativeAccuracy() + 3.0 / 129;
                            int low = (int) Math.max(0, Math.floor(rank) - 1);
                            int high = (int) Math.min(sorted.length - 1, Math.ceil(rank) + 1);
                            boolean within = false;
                            for (int i = low; i <= high; i++) {
                                within |= near(got, sorted[i], tolerance);
                            }
                            assertTrue(within, where + " q" + q + " is " + got + ", elements " + sorted[low] + " to " + sorted[high]);
                        }
                    }
                }
            }
        }
    }
}
