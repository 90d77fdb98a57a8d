namespace Cones.Cli.Compare.Jobs;

/// <summary>A job that a worker is running.</summary>
/// <param name="Job">The job.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Log">Told, in a line each, what is being done.</param>
/// <param name="Cancellation">Asks to stop.</param>
record JobRun(JobSpec Job, string Folder, Action<string> Log, CancellationToken Cancellation)
{
    /// <summary>The concept file of a stage.</summary>
    public string ConceptOf(int stage) => Path.Combine(Folder, $"{stage + 1}{Cones.Concepts.ConceptFile.Extension}");

    /// <summary>The run folder of a stage's search.</summary>
    public string RunFolderOf(int stage) => Path.Combine(Folder, $"{stage + 1}.run");

    /// <summary>The concept file of the last stage.</summary>
    public string Concept => ConceptOf(Job.Stages.Count - 1);

    /// <summary>The run folder of the last stage.</summary>
    public string LastRunFolder => RunFolderOf(Job.Stages.Count - 1);

    /// <summary>The method of the last stage.</summary>
    public string LastMethod => Job.Stages[^1].Method;
}

/// <summary>A stage of it.</summary>
/// <param name="Run">The job.</param>
/// <param name="Index">Its place, from 0.</param>
/// <param name="Arguments">The arguments of <c>cones search TASK</c>.</param>
/// <param name="Recorder">Watches the search.</param>
/// <param name="IsProbe">Whether only the time of a step is wanted: nothing is kept.</param>
sealed record StageRun(JobRun Run, int Index, IReadOnlyList<string> Arguments, SearchRecorder Recorder, bool IsProbe)
{
    public JobSpec Job => Run.Job;

    /// <summary>The method.</summary>
    public string Method => Job.Stages[Index].Method;
}

/// <summary>What a stage found.</summary>
/// <param name="StartLoss">The evaluation loss before the first step.</param>
/// <param name="BestLoss">The lowest evaluation loss.</param>
/// <param name="Steps">The steps made.</param>
/// <param name="BestStep">The step of the lowest loss.</param>
/// <param name="Trainable">The numbers that were learned.</param>
/// <param name="Message">Why it ended.</param>
/// <param name="Evaluations">All evaluations: step and loss.</param>
sealed record StageOutcome(
    double StartLoss, double BestLoss, int Steps, int BestStep, long Trainable, string Message, IReadOnlyList<Cones.Search.EvaluationReport> Evaluations);

/// <summary>What was measured of a result.</summary>
/// <param name="Metrics">Numbers by name.</param>
/// <param name="Pictures">Example pictures, in the job's folder.</param>
sealed record JobScores(IReadOnlyDictionary<string, double> Metrics, IReadOnlyList<JobPicture> Pictures);

/// <summary>An example picture.</summary>
/// <param name="File">Its name in the job's folder.</param>
/// <param name="Caption">What it shows.</param>
sealed record JobPicture(string File, string Caption);
